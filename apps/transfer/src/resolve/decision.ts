import type { ProviderCapabilities, ProviderUrl, VariantCapabilities } from '@ferry/contracts';
import { isOpen, transferDecider, type OpenRun, type RequestTransfer, type RouteReference, type RouteState } from '@ferry/domain/transfer';
import { FerryError, routeIdOf, type AssetUse, type MediaFacts, type Route } from '@ferry/kernel';
import type { KnownAsset } from '../memory/asset-memory';
import { chooseVariant, violationsOf, type Violation } from './limits';

/** What decides about an answer, besides the state of the route. */
export interface Wish {
  readonly asset: KnownAsset;
  readonly provider: ProviderCapabilities;
  /** The owner's account, authorized. */
  readonly accountId: string;
  readonly use?: AssetUse | undefined;
  /** Seconds that a reference must still live. Default: the provider's margin. */
  readonly minRemainingTtl?: number | undefined;
}

/** A reference with the asset that it is of. */
export type RouteUrl = ProviderUrl & { readonly assetId: string };

export interface ForeignTarget {
  readonly routeId: string;
  readonly route: Route;
  readonly variant: VariantCapabilities;
}

export type Target =
  /** The origin itself serves the use there, and lives. */
  | { readonly kind: 'native'; readonly routeId: string; readonly reference: RouteUrl }
  | ({ readonly kind: 'foreign' } & ForeignTarget)
  /** Nothing at the provider takes it. */
  | { readonly kind: 'none' };

/** What a resolve does next. `look`: the facts of the content decide, and are not known yet. */
export type Decision =
  | { readonly next: 'answer'; readonly reference: RouteUrl }
  | { readonly next: 'join'; readonly run: OpenRun }
  | { readonly next: 'refuse'; readonly error: FerryError }
  | { readonly next: 'look' }
  | { readonly next: 'request'; readonly command: RequestTransfer['data'] };

export interface Limits {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Uploads that may follow from reports in an hour. */
  readonly reportsPerHour: number;
}

const NATIVE = 'native';

const instant = (ms: number): string => new Date(ms).toISOString();

export const ttlOf = ({ minRemainingTtl, provider }: Pick<Wish, 'minRemainingTtl' | 'provider'>): number => minRemainingTtl ?? provider.safetyMarginSeconds;

/** Milliseconds since 1970. When a reference ends: as told, else after the lifetime that the adapter assumes, else not at all as far as is known. */
export const endOf = (reference: { readonly expiresAt?: number | undefined; readonly cachedAt?: number | undefined }, { assumedLifetimeSeconds }: VariantCapabilities): number | undefined => {
  const { expiresAt, cachedAt } = reference;
  return expiresAt ?? (assumedLifetimeSeconds === undefined || cachedAt === undefined ? undefined : cachedAt + assumedLifetimeSeconds * 1_000);
};

export const expiryOf = ({ expiresAt, cachedAt }: RouteReference, variant: VariantCapabilities): string | undefined => {
  if (expiresAt !== undefined || cachedAt === undefined) return expiresAt;
  const end = endOf({ cachedAt: Date.parse(cachedAt) }, variant);
  return end === undefined ? undefined : instant(end);
};

/** A provider's own output is never uploaded again: it costs money and meets moderation once more. */
const native = (wish: Wish, now: number): Target | undefined => {
  const { asset, provider, accountId, use } = wish;
  const { origin, kind, assetId } = asset;
  if (origin.providerId !== provider.providerId || origin.accountId !== accountId) return undefined;
  const uses = provider.nativeUses[kind] ?? [];
  const isNative = use === undefined ? uses.length > 0 : uses.includes(use);
  if (!isNative || asset.originLost) return undefined;
  if (origin.expiresAt !== undefined && Date.parse(origin.expiresAt) < now + ttlOf(wish) * 1_000) return undefined;
  const route = { assetId, providerId: provider.providerId, accountId, variant: NATIVE };
  const ends = origin.expiresAt === undefined ? {} : { expiresAt: origin.expiresAt };
  return { kind: 'native', routeId: routeIdOf(route), reference: { referenceId: assetId, ...route, forms: origin.forms, ...ends } };
};

/** Where the answer lies: with the origin, or on a route. */
export const targetOf = (wish: Wish, now: number): Target => {
  const own = native(wish, now);
  if (own) return own;
  const { asset, provider, accountId, use } = wish;
  const choice = chooseVariant(provider, asset.kind, use, {});
  if (!('variant' in choice)) return { kind: 'none' };
  const { variant } = choice;
  const route = { assetId: asset.assetId, providerId: provider.providerId, accountId, variant: variant.variant };
  return { kind: 'foreign', routeId: routeIdOf(route), route, variant };
};

/** The route's reference where it lives `ttlSeconds` longer. */
export const livingReference = ({ reference, route }: RouteState, variant: VariantCapabilities, ttlSeconds: number, now: number): RouteUrl | undefined => {
  if (!reference || !route) return undefined;
  const expiresAt = expiryOf(reference, variant);
  if (expiresAt !== undefined && Date.parse(expiresAt) < now + ttlSeconds * 1_000) return undefined;
  const { referenceId, forms } = reference;
  return { referenceId, ...route, forms, ...(expiresAt === undefined ? {} : { expiresAt }) };
};

export const cannotTake = (violations: readonly Violation[], providerId: string): FerryError => {
  const message = `${providerId} cannot take this file: ${violations.map((violation) => violation.message).join(' ')}`;
  return new FerryError('TARGET_LIMITS', 'unprocessable', message, { violations });
};

/** Every reason why nothing at the provider takes the asset. */
export const nothingTakesIt = ({ asset, provider, use }: Wish, facts: MediaFacts): FerryError => {
  const choice = chooseVariant(provider, asset.kind, use, facts);
  return cannotTake('violations' in choice ? choice.violations : [], provider.providerId);
};

const ttlUnreachable = ({ assumedLifetimeSeconds: lifetime }: VariantCapabilities, ttl: number, providerId: string): FerryError | undefined => {
  if (lifetime === undefined || lifetime >= ttl) return undefined;
  const message = `References at ${providerId} live ${lifetime} s; ask for a minRemainingTtl below that.`;
  return new FerryError('TTL_UNREACHABLE', 'unprocessable', message, { lifetimeSeconds: lifetime, minRemainingTtl: ttl });
};

const requestOf = ({ routeId, route }: ForeignTarget, { reference }: RouteState, ttl: number, { now, reportsPerHour }: Limits): RequestTransfer['data'] => {
  // The event of such a reference tells no end. A reference that another replica has made meanwhile is not meant.
  const dead = reference !== undefined && reference.expiresAt === undefined ? { deadReferenceId: reference.referenceId } : {};
  return { ...route, routeId, reason: 'resolve', priority: 'resolve', minAliveUntil: instant(now + ttl * 1_000), ...dead, reportsPerHour };
};

/** What the domain would do with the request now. */
const foreseen = (data: RequestTransfer['data'], state: RouteState, now: number): { readonly begins: boolean; readonly changes: boolean; readonly error?: FerryError } => {
  try {
    const events = transferDecider.decide({ type: 'RequestTransfer', data, metadata: { now: instant(now) } }, state);
    return { begins: events.some(({ type }) => type === 'TransferRequested'), changes: events.length > 0 };
  } catch (error) {
    if (error instanceof FerryError) return { begins: true, changes: true, error };
    throw error;
  }
};

/**
 * What a resolve does on a route in this state: `plan` tells it, `resolve` does it. `facts` are the content's, as far as known;
 * undefined where nobody has looked yet.
 */
export const decide = (wish: Wish, target: ForeignTarget, state: RouteState, facts: MediaFacts | undefined, limits: Limits): Decision => {
  const { variant } = target;
  const ttl = ttlOf(wish);
  const reference = livingReference(state, variant, ttl, limits.now);
  if (reference) return { next: 'answer', reference };
  const unreachable = ttlUnreachable(variant, ttl, wish.provider.providerId);
  if (unreachable) return { next: 'refuse', error: unreachable };
  const command = requestOf(target, state, ttl, limits);
  const { begins, changes, error } = foreseen(command, state, limits.now);
  if (!begins) return !changes && isOpen(state.run) ? { next: 'join', run: state.run } : { next: 'request', command };
  if (!facts) return { next: 'look' };
  const violations = violationsOf(variant, wish.asset.kind, facts);
  if (violations.length) return { next: 'refuse', error: cannotTake(violations, wish.provider.providerId) };
  return error ? { next: 'refuse', error } : { next: 'request', command };
};
