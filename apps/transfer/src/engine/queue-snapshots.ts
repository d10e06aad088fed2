import type { LeaseManager, Snapshots } from '@ferry/coordination';
import type { EventStore } from '@ferry/event-store';
import type { Position } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE, LEASES } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { SNAPSHOTS, TransferConfig } from '../transfer.config';
import type { RunIndex } from './run-index';

/** Of the form of an entry in OpenRuns. */
export const SNAPSHOT_VERSION = 1;
const NAME = 'transfer-open-runs';
const SAVE_MS = 10_000;
const LEASE_MS = 30_000;
/** A queue that is longer is read from the log. */
const MOST_ENTRIES = 200_000;

/** The queue as it was a while ago, in MongoDB, so that a start reads only what came after. One replica writes it. */
@Injectable()
export class QueueSnapshots {
  private saving: NodeJS.Timeout | undefined;
  private underWay: Promise<void> = Promise.resolve();
  private saved = 0;

  constructor(
    @Inject(SNAPSHOTS) private readonly snapshots: Snapshots,
    @Inject(LEASES) private readonly leases: LeaseManager,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly config: TransferConfig,
  ) {}

  /** Undefined where there is none, or one of another log: then all of the log is read. */
  async load(): Promise<{ position: Position; entries: readonly object[] } | undefined> {
    try {
      const [snapshot, head] = await Promise.all([this.snapshots.load(NAME), this.store.head()]);
      if (snapshot && snapshot.position <= head) return { ...snapshot, position: snapshot.position as Position };
      return undefined;
    } catch (error) {
      this.logger.warn({ err: error }, 'there is no snapshot of the queue to be had; reading all of the log');
      return undefined;
    }
  }

  start(index: RunIndex): void {
    this.saving = setInterval(() => (this.underWay = this.underWay.then(() => this.save(index))), SAVE_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.saving);
    await this.underWay;
    await this.leases.release(NAME).catch((error: unknown) => this.logger.info({ err: error }, 'the lease of the snapshots ends by itself'));
  }

  private async save(index: RunIndex): Promise<void> {
    if (!index.live || index.size > MOST_ENTRIES || index.applied - this.saved < this.config.TRANSFER_SNAPSHOT_EVENTS) return;
    try {
      if (!(await this.leases.acquire(NAME, LEASE_MS))) return;
      const { position, entries } = index.snapshot();
      const { applied } = index;
      await this.snapshots.save(NAME, { position, entries });
      this.saved = applied;
    } catch (error) {
      this.logger.warn({ err: error }, 'the snapshot of the queue could not be written');
    }
  }
}
