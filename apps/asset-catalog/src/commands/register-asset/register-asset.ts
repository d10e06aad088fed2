import type { RegisterAssetAnswer, RegisterAssetBody, RegisterAssetRequest } from '@ferry/contracts';
import { assetDefinition, assetStream, type AssetRegisteredData, type AssetState } from '@ferry/domain/asset';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { defined, FerryError, sameJson, type EventMetadata } from '@ferry/kernel';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { catalogError } from '../../catalog.errors';
import { AssetOwners } from '../../queries/asset-owners';
import { AssetFinder, type FoundAsset } from './asset-finder';
import { captureOf, checkBody, keysOf } from './origin';

/** An asset that is deleted between the look-up and the append is looked up again. */
const LOOKUPS = 3;

/** Everything but the identity. */
type Facts = Omit<AssetRegisteredData, 'life'>;

@Injectable()
export class RegisterAsset {
  constructor(
    private readonly providers: ProviderDirectory,
    private readonly finder: AssetFinder,
    private readonly owners: AssetOwners,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** At most one append; the same origin, or the same command, gives the same asset. */
  async execute({ owner, actor, commandId, admin, asset }: RegisterAssetRequest): Promise<RegisterAssetAnswer> {
    checkBody(asset);
    const { providerId, accountId: asked } = asset.origin;
    const [{ accountId, shared }, capabilities] = await Promise.all([
      this.providers.authorize(providerId, owner, asked),
      this.providers.describe(providerId),
    ]);
    if (shared && !admin) throw catalogError('SHARED_ACCOUNT_ADMIN_ONLY', { providerId, accountId });
    const keys = keysOf(asset.origin, capabilities);
    await this.checkParents(owner, asset);
    const facts = factsOf(asset, accountId, captureOf(asset, capabilities));
    const metadata = metadataFor({ owner, actor, commandId });
    for (let lookup = 1; ; lookup += 1) {
      try {
        return await this.append(facts, await this.finder.find({ owner, providerId, accountId }, keys, metadata), metadata);
      } catch (error) {
        if (!(error instanceof FerryError) || error.code !== 'ASSET_DELETED' || lookup >= LOOKUPS) throw error;
      }
    }
  }

  private async append(facts: Facts, { assetId, life, state, seen }: FoundAsset, metadata: EventMetadata): Promise<RegisterAssetAnswer> {
    if (seen) return { assetId, created: false, token: seen };
    checkKnownParents(assetId, facts, state);
    const { events, token } = await this.store.handle({
      definition: assetDefinition,
      stream: assetStream(assetId),
      command: { type: 'RegisterAsset', data: { assetId, life, ...facts }, metadata: { now: new Date().toISOString() } },
      metadata,
    });
    return { assetId, created: events.some(({ type }) => type === 'AssetRegistered'), token };
  }

  private async checkParents(owner: string, { parents = [] }: RegisterAssetBody): Promise<void> {
    const parentAssetIds = await this.owners.notOf(owner, parents.map(({ parentAssetId }) => parentAssetId));
    if (parentAssetIds.length) throw catalogError('UNKNOWN_PARENT', { parentAssetIds });
  }
}

const factsOf = ({ origin, kind, declared, parents, generation, personal }: RegisterAssetBody, accountId: string, capture: Facts['capture']): Facts =>
  defined({
    origin: { providerId: origin.providerId, accountId, forms: origin.forms, ...(origin.expiresAt && { expiresAt: new Date(origin.expiresAt).toISOString() }) },
    kind,
    capture,
    declared,
    parents: parents?.length ? parents : undefined,
    generation,
    personal,
  }) as Facts;

/** Parents are facts of the first registration; others are refused rather than forgotten. */
const checkKnownParents = (assetId: string, { parents = [] }: Facts, state: AssetState): void => {
  if (parents.some(({ parentAssetId }) => parentAssetId === assetId)) throw catalogError('SELF_LINK', { assetId });
  if (state.status !== 'registered' && state.status !== 'verified') return;
  const known = state.parents ?? [];
  if (!parents.every((parent) => known.some((other) => sameJson(other, parent)))) throw catalogError('PARENTS_DIFFER', { assetId });
};
