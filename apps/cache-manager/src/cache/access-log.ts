import { accessStream, MAX_ACCESSES_PER_EVENT, type AccessEvent } from '@ferry/domain/cache/events';
import type { EventStore } from '@ferry/event-store';
import type { Logger } from '@ferry/observability';
import { randomUUID } from 'node:crypto';
import { metadataOf } from './cache-log';

const MINUTE_MS = 60_000;
/** No owner's name: one event tells of the files of many. */
const ALL_OWNERS = '*';

/** Seconds. A file that nobody read for longer is among the oldest, whenever that was. */
const MAX_AGE_SECONDS = 90 * 86_400;

/** Which files were read in which minute, written to the events each minute and at the end. A crash loses the last minute. */
export class AccessLog {
  private assetIds = new Set<string>();
  private minute = '';
  private readonly timer: NodeJS.Timeout;
  private flushing: Promise<void> = Promise.resolve();
  private limited = false;

  constructor(
    private readonly eventStore: EventStore,
    private readonly nodeId: string,
    private readonly logger: Logger,
    private readonly onAccess: (assetId: string) => void,
  ) {
    this.timer = setInterval(() => this.flushSoon(), MINUTE_MS).unref();
  }

  touch(assetId: string): void {
    const minute = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS).toISOString();
    if (this.assetIds.size >= MAX_ACCESSES_PER_EVENT || (this.assetIds.size > 0 && minute !== this.minute)) this.flushSoon();
    this.minute = minute;
    this.assetIds.add(assetId);
    this.onAccess(assetId);
  }

  /** Writes what is left, and nothing after it. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    this.flushSoon();
    await this.flushing;
  }

  /** Accesses that cannot be written are lost: they only say which file is the oldest. */
  private flushSoon(): void {
    if (this.assetIds.size === 0) return;
    const data = { minute: this.minute, assetIds: [...this.assetIds] };
    this.assetIds = new Set();
    this.flushing = this.flushing.then(async () => {
      try {
        await this.write(data);
      } catch (error) {
        this.logger.warn({ err: error, lost: data.assetIds.length }, 'accesses could not be written');
      }
    });
  }

  private async write(data: AccessEvent['data']): Promise<void> {
    const stream = accessStream(this.nodeId);
    if (!this.limited) await this.eventStore.limitAge(stream, MAX_AGE_SECONDS);
    this.limited = true;
    await this.eventStore.record<AccessEvent>({ stream, events: [{ type: 'FilesAccessed', data }], metadata: metadataOf(ALL_OWNERS, randomUUID()) });
  }
}
