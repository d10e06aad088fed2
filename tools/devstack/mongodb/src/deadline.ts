import { MongoError } from './errors';

/** Documents between two looks at the clock. */
const DOCUMENTS = 8;

/** The time that a command may work, from `maxTimeMS`; a cursor's counts over all its batches, without the pauses between. */
export class Deadline {
  private startedAt = performance.now();
  private documents = 0;

  /** `left`: milliseconds. */
  constructor(private left: number) {}

  /** The time between two batches does not count. */
  pause(): void {
    this.left -= performance.now() - this.startedAt;
  }

  resume(): void {
    this.startedAt = performance.now();
  }

  /** Called for each document that is looked at. Throws MaxTimeMSExpired (50). */
  tick(): void {
    this.documents += 1;
    if (this.documents % DOCUMENTS === 0) this.check();
  }

  /** Milliseconds; not above 0 when the time is over. */
  remaining(): number {
    return this.left - (performance.now() - this.startedAt);
  }

  /** Throws MaxTimeMSExpired (50). */
  check(): void {
    if (this.remaining() < 0) throw new MongoError(50, 'operation exceeded time limit');
  }
}
