import type { ProviderCapabilities, ProviderUrl, ResolveAnswer, ResolveRequest, VariantCapabilities } from '@ferry/contracts';
import { isOpen, transferDefinition, transferStream, type RouteReference, type RouteState } from '@ferry/domain/transfer';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { FerryError, parseRunId, routeIdOf, type AssetUse, type Token } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Inject, Injectable } from '@nestjs/common';
import { AssetReader, type AssetForTransfer } from '../assets/asset-reader';
import { Worker } from '../engine/worker';
import { chooseVariant, violationsOf, type Violation } from './limits';
import { transferFailed } from './outcome';

interface Target {
  readonly asset: AssetForTransfer;
  readonly provider: ProviderCapabilities;
  readonly accountId: string;
  /** Seconds that a reference must still live. */
  readonly minRemainingTtl: number;
}

const NATIVE = 'native';

const after = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();

const refuse = (violations: readonly Violation[], providerId: string): never => {
  const message = `${providerId} cannot take this file: ${violations.map((violation) => violation.message).join(' ')}`;
  throw new FerryError('TARGET_LIMITS', 'unprocessable', message, { violations });
};

/** When a reference ends: as told, else after the lifetime that the adapter assumes, else not at all as far as is known. */
export const expiryOf = ({ expiresAt, cachedAt }: RouteReference, { assumedLifetimeSeconds }: VariantCapabilities): string | undefined => {
  if (expiresAt !== undefined || assumedLifetimeSeconds === undefined || cachedAt === undefined) return expiresAt;
  return new Date(Date.parse(cachedAt) + assumedLifetimeSeconds * 1_000).toISOString();
};

/** getAssetForProvider, the part that answers; the worker does the rest. */
@Injectable()
export class ResolveService {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly assets: AssetReader,
    private readonly directory: ProviderDirectory,
    private readonly worker: Worker,
  ) {}

  async resolve(request: ResolveRequest): Promise<ResolveAnswer> {
    const asset = await this.assets.require(request.assetId, request.owner);
    const provider = await this.directory.describe(request.providerId);
    if (request.awaiting) {
      return this.outcome(request, request.awaiting);
    }
    const accountId = await this.accountFor(asset, request);
    const target = { asset, provider, accountId, minRemainingTtl: request.minRemainingTtl ?? provider.safetyMarginSeconds };
    return this.native(target, request.use) ?? (await this.foreign(target, request));
  }

  /** The origin's account at the origin's own provider, else the owner's default there. */
  private async accountFor({ origin }: AssetForTransfer, { owner, providerId, accountId }: ResolveRequest): Promise<string> {
    const wanted = accountId ?? (origin.providerId === providerId ? origin.accountId : undefined);
    return (await this.directory.authorize(providerId, owner, wanted)).accountId;
  }

  /** The origin's own reference where the use is native there and the origin lives: a provider's own output is never uploaded again. */
  private native({ asset, provider, accountId, minRemainingTtl }: Target, use: AssetUse | undefined): ResolveAnswer | undefined {
    const { origin, kind, assetId } = asset;
    if (origin.providerId !== provider.providerId || origin.accountId !== accountId) return undefined;
    const uses = provider.nativeUses[kind] ?? [];
    const isNative = use === undefined ? uses.length > 0 : uses.includes(use);
    if (!isNative || asset.originLost) return undefined;
    if (origin.expiresAt !== undefined && origin.expiresAt < after(minRemainingTtl)) return undefined;
    const route = { assetId, providerId: provider.providerId, accountId, variant: NATIVE };
    const ends = origin.expiresAt === undefined ? {} : { expiresAt: origin.expiresAt };
    return { status: 'ready', routeId: routeIdOf(route), source: 'native', reference: { referenceId: assetId, ...route, forms: origin.forms, ...ends } };
  }

  private async foreign(target: Target, request: ResolveRequest): Promise<ResolveAnswer> {
    const { asset, provider, accountId, minRemainingTtl } = target;
    const choice = chooseVariant(provider, asset.kind, request.use, asset.facts);
    if (!('variant' in choice)) return refuse(choice.violations, provider.providerId);
    const { variant } = choice;
    const route = { assetId: asset.assetId, providerId: provider.providerId, accountId, variant: variant.variant };
    const routeId = routeIdOf(route);
    const { state, revision, position } = await this.store.load(transferDefinition, transferStream(routeId));
    const cached = this.ready(routeId, state, variant, minRemainingTtl, { stream: transferStream(routeId), revision, position });
    if (cached) return cached;
    const violations = violationsOf(variant, asset.kind, asset.facts);
    if (violations.length) refuse(violations, provider.providerId);
    const { assumedLifetimeSeconds: lifetime } = variant;
    if (lifetime !== undefined && lifetime < minRemainingTtl) {
      const message = `References at ${provider.providerId} live ${lifetime} s; ask for a minRemainingTtl below that.`;
      throw new FerryError('TTL_UNREACHABLE', 'unprocessable', message, { lifetimeSeconds: lifetime, minRemainingTtl });
    }
    // A reference without a told end, whose assumed life is over, must not look alive to the decision.
    const assumedDead = state.reference !== undefined && state.reference.expiresAt === undefined;
    const handled = await this.store.handle({
      definition: transferDefinition,
      stream: transferStream(routeId),
      command: {
        type: 'RequestTransfer',
        data: {
          ...route,
          routeId,
          reason: 'resolve',
          priority: 'resolve',
          ...this.worker.firstClaim(),
          ...(assumedDead ? {} : { minAliveUntil: after(minRemainingTtl) }),
        },
        metadata: { now: new Date().toISOString() },
      },
      metadata: metadataFor(request),
    });
    this.worker.notice(request.owner, handled.state);
    const found = this.ready(routeId, handled.state, variant, minRemainingTtl, handled.token);
    return found ?? this.answer(routeId, handled.state, handled.token, variant);
  }

  private ready(routeId: string, { reference, route }: RouteState, variant: VariantCapabilities, ttl: number, token: Token): ResolveAnswer | undefined {
    if (!reference || !route) return undefined;
    const expiresAt = expiryOf(reference, variant);
    if (expiresAt !== undefined && expiresAt < after(ttl)) return undefined;
    const { referenceId, forms } = reference;
    const url: ProviderUrl = { referenceId, ...route, forms, ...(expiresAt === undefined ? {} : { expiresAt }) };
    return { status: 'ready', routeId, source: 'cached', reference: url, token };
  }

  /** Of a run that an earlier answer called pending, or of a later one of its route. */
  private async outcome(request: ResolveRequest, awaiting: string): Promise<ResolveAnswer> {
    const { subjectId: routeId, run: number } = parseRunId(awaiting)!;
    const stream = transferStream(routeId);
    const { state, revision, position } = await this.store.load(transferDefinition, stream);
    const { route, run } = state;
    if (!route || !run || run.run < number || route.assetId !== request.assetId || route.providerId !== request.providerId) {
      throw new FerryError('UNKNOWN_TRANSFER', 'not-found', 'The asset has no such transfer at this provider. Resolve without `awaiting`.');
    }
    const provider = await this.directory.describe(route.providerId);
    const variant = provider.variants.find((candidate) => candidate.variant === route.variant);
    return this.answer(routeId, state, { stream, revision, position }, variant);
  }

  /** The run's outcome: its reference as long as it lives, `pending`, or why there is none. */
  private answer(routeId: string, state: RouteState, token: Token, variant: VariantCapabilities | undefined): ResolveAnswer {
    const { run } = state;
    if (isOpen(run)) return { status: 'pending', routeId, transferId: run.transferId, token };
    const ready = run?.status === 'completed' && variant && this.ready(routeId, state, variant, 0, token);
    if (ready) return ready;
    throw transferFailed(run);
  }
}
