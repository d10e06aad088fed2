import { setTimeout as pause } from 'node:timers/promises';

/** Bytes per second that all calls of a vendor share; absent: as fast as it goes. */
export interface Limit {
  readonly provider: string;
  /** Of uploads. */
  readonly bytesPerSecondIn?: number;
  /** Of downloads. */
  readonly bytesPerSecondOut?: number;
}

/** So much of what went unused goes through at once, as buffers along a real line give it on: a late timer takes nothing from the rate. */
const BURST_MS = 50;
/** Bytes that go through without a pause, so that timers are not what limits. */
const STEP_MS = 20;

/** One line to a vendor in one direction: what goes through it takes its time, whoever sends it. */
class Line {
  private free = performance.now();

  constructor(private readonly bytesPerSecond: number) {}

  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.free = Math.max(this.free, now - BURST_MS) + (bytes / this.bytesPerSecond) * 1_000;
    const ahead = this.free - now;
    if (ahead > STEP_MS) await pause(ahead, undefined, { signal });
  }
}

/** How fast each vendor takes and gives bytes. */
export class Limits {
  private readonly limits = new Map<string, Limit>();
  private readonly lines = new Map<string, Line>();

  constructor(private readonly providers: readonly string[]) {}

  /** Replaces the vendor's limits. @throws Error that names the member that is wrong */
  set(value: Record<string, unknown>): void {
    const { provider, bytesPerSecondIn, bytesPerSecondOut, ...unknown } = value;
    const [stranger] = Object.keys(unknown);
    if (stranger) throw new Error(`A limit has no member "${stranger}". Known: provider, bytesPerSecondIn, bytesPerSecondOut.`);
    if (!this.providers.includes(String(provider))) throw new Error(`No such provider. Known: ${this.providers.join(', ')}.`);
    for (const rate of [bytesPerSecondIn, bytesPerSecondOut]) {
      if (rate !== undefined && !(Number.isInteger(rate) && (rate as number) > 0)) throw new Error('A limit must be a whole number above 0.');
    }
    this.limits.set(String(provider), value as unknown as Limit);
    this.open(String(provider), 'in', bytesPerSecondIn as number | undefined);
    this.open(String(provider), 'out', bytesPerSecondOut as number | undefined);
  }

  list(): Limit[] {
    return [...this.limits.values()];
  }

  clear(): void {
    this.limits.clear();
    this.lines.clear();
  }

  /** The bytes, no faster than the vendor's limit, which may change meanwhile. */
  async *pace(provider: string, direction: 'in' | 'out', source: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      await this.lines.get(`${provider}/${direction}`)?.take(chunk.length, signal);
      yield chunk;
    }
  }

  private open(provider: string, direction: 'in' | 'out', rate: number | undefined): void {
    if (rate === undefined) this.lines.delete(`${provider}/${direction}`);
    else this.lines.set(`${provider}/${direction}`, new Line(rate));
  }
}
