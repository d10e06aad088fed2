import type { AssetView, HistoryAnswer, LineageGraph, ProviderUrl, RegisterAssetBody } from '@ferry/contracts';
import type { Token } from '@ferry/kernel';
import { setTimeout as pause } from 'node:timers/promises';

const REQUEST_WITHIN_MS = 40_000;
const RESOLVE_WITHIN_MS = 60_000;

/** RFC 9457, as the gateway answers errors. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail ?? 'no detail'}`);
    this.name = 'ProblemError';
  }
}

export interface Registered {
  readonly assetId: string;
  readonly created: boolean;
  readonly token: Token;
}

export interface Resolved {
  readonly status: 'ready';
  readonly reference: ProviderUrl;
  readonly source: string;
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly contentType: string | null;
  readonly body: T;
}

/** Ferry's HTTP API, as any client would use it. */
export class FerryClient {
  constructor(
    readonly baseUrl: string,
    private readonly apiKey: string | undefined,
  ) {}

  register(asset: RegisterAssetBody): Promise<Registered> {
    return this.call('POST', '/v1/assets', { body: asset });
  }

  /** getAssetForProvider: waits until there is a reference. @throws ProblemError */
  async resolve(assetId: string, providerId: string): Promise<Resolved> {
    const deadline = performance.now() + RESOLVE_WITHIN_MS;
    for (;;) {
      const { status, body } = await this.request<Resolved>('PUT', `/v1/assets/${assetId}/provider-urls/${providerId}`, {
        body: {},
        headers: { prefer: 'wait=30' },
      });
      if (status === 200) return body;
      if (performance.now() > deadline) throw new Error(`No reference at ${providerId} within ${RESOLVE_WITHIN_MS / 1000} s.`);
      await pause(50);
    }
  }

  asset(assetId: string, atLeast?: Token): Promise<AssetView> {
    return this.call('GET', `/v1/assets/${assetId}`, atLeast ? { atLeast } : {});
  }

  history(assetId: string): Promise<HistoryAnswer> {
    return this.call('GET', `/v1/assets/${assetId}/history`);
  }

  lineage(assetId: string): Promise<LineageGraph> {
    return this.call('GET', `/v1/assets/${assetId}/lineage?direction=both`);
  }

  /** @throws ProblemError for any answer but 2xx */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    return (await this.request<T>(method, path, options)).body;
  }

  private async request<T>(method: string, path: string, options: CallOptions): Promise<Answer<T>> {
    const answer = await this.send(method, path, options);
    if (answer.status >= 400) throw new ProblemError({ ...(answer.body as Problem), status: answer.status });
    return answer as Answer<T>;
  }

  /** Any answer, also one that is an error. */
  async send(method: string, path: string, { body, rawBody, headers = {}, atLeast }: CallOptions = {}): Promise<Answer> {
    const payload = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${this.baseUrl}${path}`, {
      method,
      headers: {
        ...(this.apiKey ? { authorization: `Bearer ${this.apiKey}` } : {}),
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...(atLeast ? { 'ferry-at-least': Buffer.from(JSON.stringify(atLeast)).toString('base64url') } : {}),
        ...headers,
      },
      ...(payload === undefined ? {} : { body: payload }),
      signal: AbortSignal.timeout(REQUEST_WITHIN_MS),
    });
    const text = await response.text();
    return { status: response.status, contentType: response.headers.get('content-type'), body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }
}

interface CallOptions {
  readonly body?: unknown;
  /** Sent as it is, with the type of JSON. */
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly atLeast?: Token;
}
