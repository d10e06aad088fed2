import type { LeaseManager } from '@ferry/coordination';
import { MAX_USES_PER_EVENT, usageStream, type UsageEvent } from '@ferry/domain/transfer/events';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { Counter, metrics, type Logger } from '@ferry/observability';
import { withDeadline } from '@ferry/resilience';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE, LEASES } from '@ferry/service-host/stores';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AnswersConfig } from '../resolve/answers.config';

const MINUTE_MS = 60_000;
/** Different routes that wait to be written; what is used beyond that is not counted. */
const MAX_WAITING = 20 * MAX_USES_PER_EVENT;
/** Seconds. What nobody used for longer counts as unused. */
const MAX_AGE_SECONDS = 90 * 86_400;
/** Streams of uses; more processes than that take turns. */
const SLOTS = 100;
const LEASE_MS = 3 * MINUTE_MS;
/** Milliseconds for the last write. */
const LAST_MS = 2_000;
/** No owner's name: one event tells of the references of many. */
const WHO = { owner: '*', actor: 'service:transfer' };

type Uses = UsageEvent['data']['uses'];

const dropped = (): Counter => {
  const name = 'ferry_usage_dropped_total';
  return (metrics.getSingleMetric(name) as Counter | undefined) ?? new Counter({ name, help: 'Uses of references that could not be kept until they were written.' });
};

/**
 * Which references were handed out in which minute, written each minute and at the end. Counting is an entry in a map and never waits.
 * While the stores are away uses wait, up to a bound, and are dropped beyond it. A crash loses the last minute.
 */
@Injectable()
export class UsageLog implements OnModuleDestroy {
  private uses = new Map<string, string>();
  private readonly waiting: UsageEvent['data'][] = [];
  private waitingUses = 0;
  private readonly drops = dropped();
  private readonly timer: NodeJS.Timeout;
  private writing: Promise<void> | undefined;
  private slot: number | undefined;
  private listener: (uses: Uses) => void = () => undefined;
  private readonly limited = new Set<number>();

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(LEASES) private readonly leases: LeaseManager,
    @Inject(LOGGER) private readonly logger: Logger,
    { TRANSFER_USAGE_MS }: AnswersConfig,
  ) {
    this.timer = setInterval(() => void this.flush(), TRANSFER_USAGE_MS).unref();
  }

  /** Told what was used, each time that is packed to be written. */
  listen(listener: (uses: Uses) => void): void {
    this.listener = listener;
  }

  note(routeId: string, assetId: string): void {
    if (this.uses.has(routeId)) return;
    if (this.waitingUses + this.uses.size >= MAX_WAITING) {
      this.drops.inc();
      return;
    }
    this.uses.set(routeId, assetId);
    if (this.uses.size >= MAX_USES_PER_EVENT) this.pack();
  }

  /** Writes what there is; one after the other, never two at once. */
  flush(): Promise<void> {
    this.pack();
    this.writing ??= this.write().finally(() => (this.writing = undefined));
    return this.writing;
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.tried('end in time', () => withDeadline(this.flush(), LAST_MS, 'Writing the last uses'));
    if (this.slot !== undefined) await this.tried('give its slot back', () => this.leases.release(leaseName(this.slot!)));
  }

  private pack(): void {
    if (!this.uses.size) return;
    const minute = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS).toISOString();
    const uses: Uses = [...this.uses].map(([routeId, assetId]) => ({ routeId, assetId }));
    this.uses = new Map();
    this.waiting.push({ minute, uses });
    this.waitingUses += uses.length;
    this.listener(uses);
  }

  private async write(): Promise<void> {
    await this.tried('be written', async () => {
      for (let data = this.waiting[0]; data; data = this.waiting[0]) {
        const slot = await this.leased();
        if (slot === undefined) return;
        const stream = usageStream(slot);
        if (!this.limited.has(slot)) await this.store.limitAge(stream, MAX_AGE_SECONDS);
        this.limited.add(slot);
        await this.store.record<UsageEvent>({ stream, events: [{ type: 'ReferencesUsed', data }], metadata: metadataFor({ ...WHO, commandId: randomUUID() }) });
        this.waiting.shift();
        this.waitingUses -= data.uses.length;
      }
    });
  }

  /** The slot of this process, taken anew where the lease has passed to another. */
  private async leased(): Promise<number | undefined> {
    const last = this.slot;
    if (last !== undefined && (await this.leases.acquire(leaseName(last), LEASE_MS))) return last;
    this.slot = undefined;
    for (let slot = 0; slot < SLOTS && this.slot === undefined; slot += 1) {
      if (slot !== last && (await this.leases.acquire(leaseName(slot), LEASE_MS))) this.slot = slot;
    }
    return this.slot;
  }

  private async tried(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn({ err: error, waiting: this.waitingUses }, `the log of uses could not ${what}; trying again`);
    }
  }
}

const leaseName = (slot: number): string => `usage-slot-${slot}`;
