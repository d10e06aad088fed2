import { providerSubjects, type DeleteUploadAnswer, type FindUploadAnswer, type FindUploadRequest, type ReferenceCallRequest } from '@ferry/contracts';
import { transferStream, type TransferEvent } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import type { ErrorCategory, FerryError, ReferenceForms, Route } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { backoff } from '@ferry/resilience';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';

/** Milliseconds; the adapter gives up before. */
const CALL_MS = 10_000;
const TRIES = 4;
const PAUSES = { baseMs: 500, maxMs: 4_000 };
const PASSING: ReadonlySet<ErrorCategory> = new Set<ErrorCategory>(['unavailable', 'timeout', 'throttled']);
/** Copies of one route that are deleted; more of them were never seen. */
const MAX_COPIES = 50;

/** Takes from the vendor what Ferry brought there for a route: its references and what was left behind. */
@Injectable()
export class VendorCleanup {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly directory: ProviderDirectory,
  ) {}

  /** Where the vendor can delete; may be repeated. What fails after some tries stays there, and the log says so. */
  async clean(routeId: string, owner: string): Promise<void> {
    const events = (await this.store.read(transferStream(routeId))) as unknown as readonly TransferEvent[];
    const requested = events.find((event) => event.type === 'TransferRequested');
    if (!requested) return;
    const route = requested.data as Route;
    /** One copy that cannot be deleted keeps no other. */
    const attempted = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        this.logger.warn({ err: error, routeId, providerId: route.providerId }, 'copies of a deleted asset stay at the provider');
      }
    };
    await attempted(async () => {
      const { variants } = await this.directory.describe(route.providerId);
      const abilities = variants.find(({ variant }) => variant === route.variant)?.abilities ?? [];
      if (!abilities.includes('delete')) return;
      for (const forms of formsOf(events)) await attempted(() => this.remove(route, owner, forms));
      if (abilities.includes('find')) for (const marker of markersOf(events)) await attempted(() => this.removeMarked(route, owner, marker));
    });
  }

  private async remove({ providerId, accountId }: Route, owner: string, forms: ReferenceForms): Promise<void> {
    const request: ReferenceCallRequest = { owner, accountId, forms };
    await this.tried(() => this.messaging.request<DeleteUploadAnswer>(providerSubjects(providerId).deleteUpload, request, { timeoutMs: CALL_MS }));
  }

  /** Each attempt of a run has the same marker. */
  private async removeMarked(route: Route, owner: string, marker: string): Promise<void> {
    const { providerId, accountId, variant } = route;
    const request: FindUploadRequest = { owner, accountId, variant, marker };
    for (let copies = 0; copies < MAX_COPIES; copies += 1) {
      const { upload } = await this.tried(() => this.messaging.request<FindUploadAnswer>(providerSubjects(providerId).findUpload, request, { timeoutMs: CALL_MS }));
      if (!upload) return;
      await this.remove(route, owner, upload.forms);
    }
  }

  private async tried<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        if (attempt >= TRIES || !PASSING.has((error as FerryError).category)) throw error;
        await wait(backoff(attempt, PAUSES));
      }
    }
  }
}

const formsOf = (events: readonly TransferEvent[]): ReferenceForms[] => {
  const known = new Map<string, ReferenceForms>();
  for (const event of events) {
    const forms = event.type === 'ProviderUrlCached' || event.type === 'UploadOrphaned' ? event.data.forms : undefined;
    if (forms) known.set(JSON.stringify(forms), forms);
  }
  return [...known.values()].slice(-MAX_COPIES);
};

/** Of orphans of which nothing but the name is known. */
const markersOf = (events: readonly TransferEvent[]): string[] => [
  ...new Set(events.flatMap((event) => (event.type === 'UploadOrphaned' && !event.data.forms ? [event.data.marker] : []))),
];
