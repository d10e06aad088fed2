import { assetStream, type AssetContent, type AssetEvent, type AssetRegisteredData, type Origin } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import { FerryError } from '@ferry/kernel';

export interface AssetFacts {
  readonly owner: string;
  /** What its bytes are, once verified. */
  readonly content?: AssetContent;
  readonly origin: Origin;
  /** ISO date of its registration, or of when it was refreshed last. */
  readonly originSince: string;
  readonly originLost: boolean;
}

/**
 * An asset as its own stream says now, not as a subscription may not have heard yet.
 * @returns undefined where there is no such asset
 * @throws FerryError ASSET_DELETED
 */
export const readAsset = async (eventStore: EventStore, assetId: string): Promise<AssetFacts | undefined> => {
  const events = await eventStore.read<AssetEvent>(assetStream(assetId));
  let facts: AssetFacts | undefined;
  for (const { type, data, created, metadata } of events) {
    if (type === 'AssetRegistered') facts = { owner: metadata.owner, origin: (data as AssetRegisteredData).origin, originSince: created, originLost: false };
    else if (type === 'AssetDeleted') throw assetDeleted();
    else if (facts && type === 'AssetContentVerified') facts = { ...facts, content: data as AssetContent };
    else if (facts && type === 'AssetOriginRefreshed') facts = { ...facts, origin: refreshed(facts.origin, data as OriginNow), originSince: created, originLost: false };
    else if (facts && type === 'AssetOriginLost') facts = { ...facts, originLost: true };
  }
  return facts;
};

type OriginNow = Pick<Origin, 'forms' | 'expiresAt'>;
const refreshed = ({ providerId, accountId }: Origin, now: OriginNow): Origin => ({ providerId, accountId, ...now });

export const assetDeleted = (): FerryError => new FerryError('ASSET_DELETED', 'not-found', 'The asset was deleted. Register it again to bring it back.');

/** Also for an asset of another owner: that it exists is nobody else's business. */
export const unknownAsset = (): FerryError => new FerryError('UNKNOWN_ASSET', 'not-found', 'There is no such asset. Register it first.');
