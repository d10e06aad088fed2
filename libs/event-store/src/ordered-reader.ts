/** The part of a readable stream in object mode that is used here. */
export interface ObjectSource {
  readonly readableLength: number;
  read(): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'readable', listener: () => void): unknown;
}

/**
 * Reads a stream one object at a time. The client tells checkpoints and `caughtUp` when they arrive, while events that came
 * before them still wait in the stream's buffer; `idle` waits until those are handled.
 */
export class OrderedReader<T> {
  private busy = false;
  private stopped = false;
  private error: Error | undefined;
  private settle: () => void = () => undefined;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly source: ObjectSource) {}

  /** The stream, or a handler, failed: what has not been handled will not be. */
  get failed(): boolean {
    return this.error !== undefined;
  }

  /** Resolves when everything that has arrived is handled, or will never be. */
  idle(): Promise<void> {
    if (this.failed || this.stopped || (!this.busy && !this.source.readableLength)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  /** Ends `drain` after the object that is being handled. */
  stop(): void {
    this.stopped = true;
    if (!this.busy) this.settle();
  }

  /** Handles one object after the other; returns when stopped, throws what the stream or the handler threw, never while a handler runs. */
  async drain(handle: (item: T) => Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      this.settle = resolve;
      if (this.stopped) resolve();
      this.source.on('error', (error: Error) => this.fail(error));
      this.source.on('end', () => this.fail(new Error('the server ended the stream')));
      this.source.on('readable', () => void this.pump(handle));
    });
    this.release();
    if (this.error) throw this.error;
  }

  private async pump(handle: (item: T) => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      for (let item = this.next(); item !== null; item = this.next()) await handle(item);
    } catch (error) {
      this.error ??= error as Error;
    }
    this.busy = false;
    if (this.failed || this.stopped) this.settle();
    this.release();
  }

  private next(): T | null {
    return this.failed || this.stopped ? null : (this.source.read() as T | null);
  }

  /** Makes `drain` throw, after the object that is being handled. */
  fail(error: Error): void {
    this.error ??= error;
    if (!this.busy) this.settle();
  }

  private release(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}
