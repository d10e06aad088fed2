import type { PlanRequest, PlanStep, ResolvePlan } from '@ferry/contracts';
import { cacheStream, type CacheEvent } from '@ferry/domain/cache/events';
import { downloadDefinition, downloadStream, isOpenDownload } from '@ferry/domain/download';
import type { EventStore } from '@ferry/event-store';
import { defined } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import type { AssetForTransfer } from '../assets/asset-reader';
import { Copies } from '../engine/copies';
import type { Decision, ForeignTarget, Wish } from './decision';
import { missingFacts } from './limits';
import { ResolveService, type Decided } from './resolve.service';

/** By the facts that the engine waits for: of these only the duration may stand at the end of the file. */
export const cutThrough = (unknown: readonly string[], isCached: boolean, { facts }: Pick<AssetForTransfer, 'facts'>): { possible: boolean; because: string } => {
  if (isCached) return { possible: false, because: 'The whole file is there already.' };
  if (unknown.includes('durationSeconds')) return { possible: false, because: 'The target limits the duration, which the end of the file may be needed to know.' };
  if (facts.sizeBytes === undefined) return { possible: true, because: 'If the origin tells the length: the target then gets the bytes as they arrive.' };
  return { possible: true, because: 'The length is known: the target gets the bytes as they arrive.' };
};

/** What a resolve would do, by the decision that a resolve makes. Nothing is changed by asking. */
@Injectable()
export class PlanService {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly resolves: ResolveService,
    private readonly copies: Copies,
  ) {}

  /** @throws FerryError what a resolve throws where it does not come to a decision: UNKNOWN_ASSET, UNKNOWN_PROVIDER, UNKNOWN_ACCOUNT, … */
  async plan(request: PlanRequest): Promise<ResolvePlan> {
    const decided = await this.resolves.decided(request);
    const { target, wish, decision } = decided;
    if (target.kind === 'none') return { accountId: wish.accountId, ...refusal(decision) };
    const { routeId } = target;
    const variant = target.kind === 'native' ? target.reference.variant : target.variant.variant;
    const common = { accountId: wish.accountId, variant, routeId };
    switch (decision.next) {
      case 'answer':
        return target.kind === 'native'
          ? { ...common, action: 'answer', because: 'The asset was born there and its own reference serves this use.', source: 'native', reference: decision.reference }
          : { ...common, action: 'answer', because: 'The route has a reference that lives long enough.', source: 'cached', reference: decision.reference };
      case 'join':
        return { ...common, action: 'join', because: 'A transfer of this route is under way.', transferId: decision.run.transferId };
      case 'refuse':
        return { ...common, ...refusal(decision) };
      default:
        return { ...common, ...(await this.transfer(decided)) };
    }
  }

  private async transfer({ target, wish, known, decision, asset }: Decided) {
    const { run } = known?.state ?? {};
    // An open run that is only raised: it needs no look at the content.
    if (decision.next === 'request' && !asset && run) {
      return { action: 'join', because: 'A transfer of this route is under way; it becomes more urgent.', transferId: run.transferId } as const;
    }
    const foreign = target as ForeignTarget;
    const whole = asset!;
    const because = known?.state.reference ? 'The reference of this route does not live long enough.' : 'The route has no reference.';
    const unknown = missingFacts(foreign.variant, whole.kind, whole.facts);
    const lifetime = foreign.variant.assumedLifetimeSeconds;
    const assumedExpiry = lifetime === undefined ? undefined : new Date(Date.now() + lifetime * 1_000).toISOString();
    const steps = await this.steps(foreign, wish, whole, unknown);
    if ('refused' in steps) return { action: 'refuse', because: steps.refused, error: { code: 'TRANSFER_FAILED', message: steps.refused, details: { kind: steps.kind } } } as const;
    return { action: 'transfer', because, steps, unknownFacts: unknown, ...(assumedExpiry ? { assumedExpiry } : {}) } as const;
  }

  private async steps({ route }: ForeignTarget, { asset }: Wish, whole: AssetForTransfer, unknown: readonly string[]): Promise<PlanStep[] | { readonly refused: string; readonly kind: string }> {
    const cached = await this.cachedFile(asset.assetId);
    const { sizeBytes } = whole.facts;
    const first = cached ?? (await this.download(whole));
    if ('refused' in first) return first;
    const upload = { step: 'upload', providerId: route.providerId, accountId: route.accountId, variant: route.variant, sizeBytes } as const;
    return [first, defined({ ...upload, cutThrough: cutThrough(unknown, cached !== undefined, whole) })];
  }

  /** A file that some node has, as the events tell. */
  private async cachedFile(assetId: string): Promise<Extract<PlanStep, { step: 'read-cached-file' }> | undefined> {
    const nodes = new Map<string, number>();
    for (const event of await this.store.read<CacheEvent>(cacheStream(assetId))) {
      const { type, data } = event as unknown as CacheEvent;
      if (type === 'FileCached') nodes.set(data.nodeId, data.sizeBytes);
      else if (type === 'FileEvicted' || type === 'FileCorrupted' || type === 'FileMissing') nodes.delete(data.nodeId);
    }
    const [first] = nodes;
    return first && { step: 'read-cached-file', nodeId: first[0], sizeBytes: first[1] };
  }

  /** From the origin, or another copy where that is dead. */
  private async download(whole: AssetForTransfer): Promise<Extract<PlanStep, { step: 'download' }> | { readonly refused: string; readonly kind: string }> {
    const joins = await this.openDownload(whole.assetId);
    const next = await this.copies.next(whole, { downloadId: '', attempt: 0 });
    if ('failure' in next && joins === undefined) return { refused: next.failure.message, kind: next.failure.kind };
    const { providerId, accountId } = 'source' in next ? next.source : whole.origin;
    return defined({ step: 'download', providerId, accountId, sizeBytes: whole.facts.sizeBytes, joins });
  }

  private async openDownload(assetId: string): Promise<string | undefined> {
    const { state } = await this.store.load(downloadDefinition, downloadStream(assetId));
    return isOpenDownload(state.run) ? state.run.downloadId : undefined;
  }
}

type Refused = Extract<ResolvePlan, { action: 'refuse' }>;

const refusal = (decision: Decision): Pick<Refused, 'action' | 'because' | 'error' | 'until'> => {
  if (decision.next !== 'refuse') throw new Error(`${decision.next} is no refusal`);
  const { code, message, details } = decision.error;
  const until = details?.['until'];
  return { action: 'refuse', because: message, error: { code, message, ...(details ? { details } : {}) }, ...(typeof until === 'string' ? { until } : {}) };
};
