import { memoryOf } from '../records';
import type { EventLog } from '../storage/event-log';
import type { LogRecord } from '../storage/log-record';
import { Lru } from '../storage/lru';
import { applyWrite, type WriteRequest, type WriteResult } from './apply-write';
import { Draft, type Committed } from './draft';
import { RecentIds } from './recent-ids';
import type { StreamCatalog } from './stream-catalog';

interface Queued {
  readonly request: WriteRequest;
  readonly bytes: number;
  readonly resolve: (result: WriteResult) => void;
}

/** When more than this waits, callers should take no more in until there is room. */
const QUEUE_BYTES = 16 * 1024 * 1024;
/** What shares one fsync at most. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_EVENTS = 4_096;

/** How many metastreams are remembered as deleted or not. */
const METASTREAMS_KEPT = 10_000;

const REQUEST_OVERHEAD = 256;
const bytesOf = ({ stream, events }: WriteRequest): number =>
  events.reduce((sum, event) => sum + memoryOf(event), REQUEST_OVERHEAD + stream.length);

/**
 * The only one that writes. What waits is decided together and shares one fsync; what arrives while that runs is the
 * next batch.
 */
export class Writer {
  private readonly committed: Committed;
  private queue: Queued[] = [];
  private queuedBytes = 0;
  private running: Promise<void> | undefined;
  private waiting: (() => void)[] = [];

  constructor(
    private readonly log: EventLog,
    catalog: StreamCatalog,
    private readonly onCommitted: (events: readonly LogRecord[]) => void,
  ) {
    this.committed = { log, catalog, recentIds: new RecentIds(), deletedMetastreams: new Lru(METASTREAMS_KEPT) };
  }

  /** Resolves once the outcome is durable. */
  write(request: WriteRequest): Promise<WriteResult> {
    return new Promise((resolve) => {
      const bytes = bytesOf(request);
      this.queue.push({ request, bytes, resolve });
      this.queuedBytes += bytes;
      this.running ??= this.run();
    });
  }

  get hasRoom(): boolean {
    return this.queuedBytes < QUEUE_BYTES;
  }

  /** Calls back when there is room for more, at once if there is. */
  whenReady(callback: () => void): void {
    if (this.hasRoom) callback();
    else this.waiting.push(callback);
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.queue.length > 0) {
      // What else arrives in this turn of the event loop belongs to the batch, and the answers of the last one can leave.
      await new Promise(setImmediate);
      await this.writeBatch(this.takeBatch());
    }
    this.running = undefined;
  }

  private takeBatch(): Queued[] {
    let [count, bytes, events] = [0, 0, 0];
    for (const queued of this.queue) {
      if (count > 0 && (bytes + queued.bytes > BATCH_BYTES || events + queued.request.events.length > BATCH_EVENTS)) break;
      count++;
      bytes += queued.bytes;
      events += queued.request.events.length;
    }
    this.queuedBytes -= bytes;
    return this.queue.splice(0, count);
  }

  private async writeBatch(batch: readonly Queued[]): Promise<void> {
    let results: readonly WriteResult[];
    let written: readonly LogRecord[] = [];
    try {
      const draft = new Draft(this.committed);
      results = batch.map(({ request }) => {
        const result = applyWrite(draft, request);
        draft.endWrite();
        return result;
      });
      if (draft.records.length > 0) written = await this.log.append(draft.records);
      draft.merge();
    } catch (error) {
      const reason = `the event log could not be written: ${error instanceof Error ? error.message : String(error)}`;
      results = batch.map(() => ({ kind: 'failed', reason }));
    }
    batch.forEach(({ resolve }, index) => resolve(results[index] ?? { kind: 'failed', reason: 'no result' }));
    if (written.length > 0) this.onCommitted(written);
    if (this.hasRoom) this.wake();
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const callback of waiting) callback();
  }
}
