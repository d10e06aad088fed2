import { SIMULATED_KEYS, type SimulatorUrls } from '@ferry/devstack';
import type { Counts, Fault } from '@ferry/provider-simulator';
import { setTimeout as pause } from 'node:timers/promises';

const ANSWER_WITHIN_MS = 15_000;
const JOB_WITHIN_MS = 30_000;
const POLL_MS = 100;

export interface Seeded {
  readonly id: string;
  readonly url: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type Counters = Readonly<Record<'pixverse' | 'openai', Counts>>;

/** The simulated vendors: what their users do there, and what only a simulator can tell. */
export class Vendors {
  constructor(private readonly urls: SimulatorUrls) {}

  /** Something that was made at the vendor before. */
  seed(provider: 'pixverse' | 'openai', kind: 'video' | 'audio', fixture: string): Promise<Seeded> {
    return this.control('POST', '/seed', { provider, kind, fixture });
  }

  counters(): Promise<Counters> {
    return this.control('GET', '/counters');
  }

  fault(fault: Fault): Promise<unknown> {
    return this.control('POST', '/faults', fault);
  }

  clearFaults(): Promise<unknown> {
    return this.control('DELETE', '/faults');
  }

  /** A job at Sora with a character in it: POST /videos, then GET it until it is done. Answers the video's id. */
  async makeSoraVideo(prompt: string, characterId: string): Promise<string> {
    const { id } = await this.openai('POST', '/videos', { prompt, model: 'sora-2', seconds: '4', size: '1280x720', characters: [{ id: characterId }] });
    const deadline = performance.now() + JOB_WITHIN_MS;
    while (performance.now() < deadline) {
      const { status } = await this.openai('GET', `/videos/${id}`);
      if (status === 'completed') return id;
      if (status === 'failed') throw new Error(`The video ${id} failed.`);
      await pause(POLL_MS);
    }
    throw new Error(`The video ${id} was not made within ${JOB_WITHIN_MS / 1000} s.`);
  }

  private openai(method: string, path: string, body?: object): Promise<{ id: string; status: string }> {
    return request(`${this.urls.openai}${path}`, method, body, { authorization: `Bearer ${SIMULATED_KEYS.sora}` });
  }

  private control<T>(method: string, path: string, body?: object): Promise<T> {
    return request(`${this.urls.control}${path}`, method, body);
  }
}

async function request<T>(url: string, method: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}
