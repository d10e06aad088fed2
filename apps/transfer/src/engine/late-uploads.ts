import type { LeaseManager } from '@ferry/coordination';
import { isOpen, transferDefinition, transferStream, type TransferEvent } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { parseRunId } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import type { ReadModels } from '@ferry/read-models';
import { backoff } from '@ferry/resilience';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AssetReader } from '../assets/asset-reader';
import { markerOf } from './attempts';
import { lateUploadsProjection, type LateUpload } from './late-uploads.projection';
import { LostUploads } from './lost-uploads';
import { RunLog } from './run-log';
import { VendorCleanup } from './vendor-cleanup';

const LOOK_MS = 5_000;
const READ_MS = 5_000;
/** What was not looked up for so long is left: the vendor or MongoDB was away all that time. */
const WINDOW_MS = 86_400_000;
const MAX_SETTLED = 10_000;
/** Between two looks that came to nothing: a vendor that always refuses is not asked every few seconds. */
const PAUSES = { baseMs: 10_000, maxMs: 3_600_000 };
/** Copies of one run that are recorded; more were never seen. */
const MAX_COPIES = 10;
const LEASE = { name: 'transfer-late-uploads', ttlMs: 60_000 };

/**
 * Looks once more for uploads that nothing was to be seen of when their adapter was lost: one that was cut off from here alone may have
 * committed them since. What the vendor lists besides what the run has made is recorded as an orphan; where it lists nothing, nothing is.
 * Looked up again after a restart, which finds the same.
 */
@Injectable()
export class LateUploads implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly settled = new Set<string>();
  /** Looks that failed, and when (milliseconds since 1970) the next one may be. */
  private readonly failed = new Map<string, { readonly times: number; readonly until: number }>();
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> | undefined;
  private isClosing = false;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(LEASES) private readonly leases: LeaseManager,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly assets: AssetReader,
    private readonly log: RunLog,
    private readonly lostUploads: LostUploads,
    private readonly cleanup: VendorCleanup,
  ) {
    models.project(lateUploadsProjection, store, leases);
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweep().finally(() => (this.sweeping = undefined));
    }, LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.timer);
    await this.sweeping;
  }

  private async sweep(): Promise<void> {
    try {
      if (!(await this.leases.acquire(LEASE.name, LEASE.ttlMs))) return;
      const now = Date.now();
      const due = { lookUpAt: { $lte: new Date(now).toISOString(), $gt: new Date(now - WINDOW_MS).toISOString() } };
      for await (const { _id, ...late } of this.models.collection(lateUploadsProjection).find(due, { sort: { lookUpAt: 1 }, maxTimeMS: READ_MS })) {
        if (this.isClosing) return;
        if (this.settled.has(_id) || (this.failed.get(_id)?.until ?? 0) > now) continue;
        if (await this.settle(_id, late)) this.done(_id);
      }
    } catch (error) {
      this.logger.info({ err: error }, 'late uploads cannot be looked up now');
    }
  }

  private done(id: string): void {
    this.failed.delete(id);
    this.settled.add(id);
    if (this.settled.size > MAX_SETTLED) this.settled.delete(this.settled.values().next().value!);
  }

  /** False: later. While the run is open its own upload has the same name. */
  private async settle(id: string, late: LateUpload): Promise<boolean> {
    const { transferId, owner } = late;
    const { subjectId: routeId } = parseRunId(transferId)!;
    const { state } = await this.store.load(transferDefinition, transferStream(routeId));
    if (!state.route || (isOpen(state.run) && state.run.transferId === transferId)) return false;
    try {
      await this.recordOf(late, routeId);
      // Also where the last look died after it had recorded one.
      const asset = await this.assets.find(state.route.assetId);
      if (asset?.deleted) await this.cleanup.clean(routeId, owner);
      return true;
    } catch (error) {
      const times = (this.failed.get(id)?.times ?? 0) + 1;
      this.failed.set(id, { times, until: Date.now() + backoff(times, PAUSES) });
      if (this.failed.size > MAX_SETTLED) this.failed.delete(this.failed.keys().next().value!);
      this.logger.info({ err: error, transferId, times }, 'a late upload cannot be looked up now');
      return false;
    }
  }

  private async recordOf({ transferId, attempt, owner }: LateUpload, routeId: string): Promise<void> {
    const events = (await this.store.read(transferStream(routeId))) as unknown as readonly TransferEvent[];
    const released = events.find((event) => event.type === 'UploadReleased' && event.data.transferId === transferId && event.data.attempt === attempt);
    const requested = events.find((event) => event.type === 'TransferRequested');
    if (released?.type !== 'UploadReleased' || requested?.type !== 'TransferRequested') return;
    const { providerId, accountId, variant } = requested.data;
    const marker = markerOf(transferId);
    const besides = idsOf(events);
    for (let copies = 0; copies < MAX_COPIES; copies += 1) {
      const wanted = { providerId, accountId, owner, runId: transferId, variant, marker, sizeBytes: released.data.sizeBytes, besides };
      const upload = (await this.lostUploads.look(wanted))?.upload;
      if (!upload || upload.forms.id === undefined) return;
      const data = { transferId, attempt, marker, forms: upload.forms, reason: 'It came to stand after its attempt had been given up as absent.' };
      await this.log.transfer({ runId: transferId, owner }, { type: 'OrphanUpload', data });
      besides.push(upload.forms.id);
    }
  }
}

/** Of what the route has made, or left behind. */
const idsOf = (events: readonly TransferEvent[]): string[] =>
  events.flatMap((event) => {
    const forms = event.type === 'ProviderUrlCached' || event.type === 'UploadOrphaned' ? event.data.forms : undefined;
    return forms?.id === undefined ? [] : [forms.id];
  });
