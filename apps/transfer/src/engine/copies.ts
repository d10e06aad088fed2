import { KIND_RULES, type JobFailure } from '@ferry/contracts';
import { downloadStream, type DownloadEvent } from '@ferry/domain/download';
import { transferDefinition, transferStream } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { FerryError, parseRunId, type CopyLocation, type ReferenceForms, type Route } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import type { ReadModels } from '@ferry/read-models';
import { LOGGER } from '@ferry/service-host';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { EVENT_STORE, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import type { AssetForTransfer } from '../assets/asset-reader';
import { livingReference } from '../resolve/decision';
import { transfersProjection } from '../transfers/transfers.projection';

const READ_MS = 5_000;
/** Transfers of one asset that are looked through for a copy, the newest first. */
const MAX_TRANSFERS = 1_000;
const ORIGIN = 'origin';
const NO_COPY = 'The origin is gone, the file is not in the cache, and no provider has a copy that it gives back unchanged. Register the asset again with a form that lives, or delete it.';

export type Account = Pick<Route, 'providerId' | 'accountId'>;

/** Where a download reads an asset's bytes. */
export interface Source extends Account {
  readonly location: CopyLocation;
  readonly forms: ReferenceForms;
}

export type NextSource = { readonly source: Source } | { readonly failure: { readonly kind: string; readonly message: string } };

interface Failed {
  /** `origin`, or the referenceId. */
  readonly from: string;
  readonly kind: string;
  readonly retryable: boolean;
  readonly message: string;
}

/** The live copies of an asset outside of the cache: its origin, and references at providers that give back the very bytes. */
@Injectable()
export class Copies {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly directory: ProviderDirectory,
  ) {}

  /**
   * Where the next attempt reads: from the origin while it lives, else from another copy; or why the run has failed for good.
   * @throws FerryError PROVIDER_UNAVAILABLE, READ_MODELS_UNAVAILABLE where it cannot be told now whether there is another copy
   */
  async next(asset: AssetForTransfer, { downloadId, attempt }: { readonly downloadId: string; readonly attempt: number }): Promise<NextSource> {
    const failed = attempt ? await this.failures(asset.assetId, downloadId) : [];
    const last = failed.find(endsRun);
    if (last) return { failure: last };
    const refused = new Map(failed.filter(({ retryable }) => !retryable).map((failure) => [failure.from, failure]));
    const origin = asset.originLost || refused.has(ORIGIN) ? undefined : originOf(asset);
    // What has nothing to give yet may have it soon; another copy gives it now.
    const isMissing = failed.some(({ from, kind }) => from === ORIGIN && kind === 'not-found');
    if (origin && !isMissing && !hasEnded(asset)) return { source: origin };
    const source = (await this.reference(asset, refused, origin === undefined)) ?? origin;
    return source ? { source } : { failure: { kind: 'not-found', message: refused.get(ORIGIN)?.message ?? NO_COPY } };
  }

  /** Who gives the bytes of an attempt that has begun. */
  async accountOf({ origin }: AssetForTransfer, location: CopyLocation): Promise<Account> {
    if (location.from !== 'reference') return origin;
    const { state } = await this.store.load(transferDefinition, transferStream(parseRunId(location.referenceId)!.subjectId));
    return state.route ?? origin;
  }

  /** As `accountOf`, of a run that may have ended. */
  async accountAt(asset: AssetForTransfer, { downloadId, attempt }: { readonly downloadId: string; readonly attempt: number }): Promise<Account> {
    const started = (await this.eventsOf(asset.assetId, downloadId)).find((event) => event.type === 'DownloadStarted' && event.data.attempt === attempt);
    return started?.type === 'DownloadStarted' ? this.accountOf(asset, started.data.source) : asset.origin;
  }

  private async reference({ assetId, owner, kind }: AssetForTransfer, refused: ReadonlyMap<string, unknown>, needed: boolean): Promise<Source | undefined> {
    let away: FerryError | undefined;
    for (const routeId of await this.routesOf(owner, assetId)) {
      const { state } = await this.store.load(transferDefinition, transferStream(routeId));
      const { route, reference } = state;
      if (!route || !reference || refused.has(reference.referenceId)) continue;
      const { providerId, accountId } = route;
      try {
        const { variants } = await this.directory.describe(providerId);
        const variant = variants.find((candidate) => candidate.variant === route.variant && candidate.kinds.includes(kind));
        if (variant?.returnsBytes !== 'exact' || !livingReference(state, variant, 0, Date.now())) continue;
        return { location: { from: 'reference', referenceId: reference.referenceId }, providerId, accountId, forms: reference.forms };
      } catch (error) {
        const { code } = error as FerryError;
        if (code === 'PROVIDER_UNAVAILABLE') away = error as FerryError;
        else if (code !== 'UNKNOWN_PROVIDER') throw error;
      }
    }
    // Its adapter may tell later of a copy that nothing else can replace.
    if (away && needed) throw away;
    return undefined;
  }

  private async routesOf(owner: string, assetId: string): Promise<Set<string>> {
    try {
      const options = { sort: { requestedAt: -1 }, limit: MAX_TRANSFERS, maxTimeMS: READ_MS } as const;
      const rows = await this.models.collection(transfersProjection).find({ owner, assetId }, options).toArray();
      return new Set(rows.map(({ transferId }) => parseRunId(transferId)!.subjectId));
    } catch (error) {
      this.logger.warn({ err: error, assetId }, 'the transfers of an asset cannot be listed');
      throw new FerryError('READ_MODELS_UNAVAILABLE', 'unavailable', 'The copies of the asset cannot be listed now. Try again in some seconds.');
    }
  }

  private async failures(assetId: string, downloadId: string): Promise<Failed[]> {
    const sources = new Map<number, string>();
    const failed: Failed[] = [];
    for (const { type, data } of await this.eventsOf(assetId, downloadId)) {
      if (type === 'DownloadStarted') sources.set(data.attempt, keyOf(data.source));
      else if (type === 'DownloadAttemptFailed') failed.push({ from: sources.get(data.attempt) ?? ORIGIN, kind: data.kind, retryable: data.retryable, message: data.message });
    }
    return failed;
  }

  private async eventsOf(assetId: string, downloadId: string): Promise<DownloadEvent[]> {
    const events = (await this.store.read(downloadStream(assetId))) as unknown as readonly DownloadEvent[];
    return events.filter(({ data }) => data.downloadId === downloadId);
  }
}

const originOf = ({ origin: { providerId, accountId, forms } }: AssetForTransfer): Source => ({ location: { from: 'origin' }, providerId, accountId, forms });

const hasEnded = ({ origin: { expiresAt } }: AssetForTransfer): boolean => expiresAt !== undefined && Date.parse(expiresAt) <= Date.now();

const keyOf = (source: CopyLocation): string => (source.from === 'reference' ? source.referenceId : ORIGIN);

/** Ends of Ferry's own, whichever copy gave the bytes. */
const OURS: ReadonlySet<string> = new Set<JobFailure['kind']>(['cache-full', 'cancelled']);

/** What says nothing of one copy alone: the time for tries is over, or the origin lives and does not give the bytes. */
const endsRun = ({ from, kind, retryable }: Failed): boolean => {
  if (retryable) return false;
  const passes = (KIND_RULES as Readonly<Record<string, { readonly retryable: boolean } | undefined>>)[kind]?.retryable === true;
  return passes || OURS.has(kind) || (from === ORIGIN && kind !== 'not-found');
};
