import { assetStream, type AssetContent, type AssetEvent } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import { FerryError } from '@ferry/kernel';

export interface AssetFacts {
  readonly owner: string;
  /** What its bytes are, once verified. */
  readonly content?: AssetContent;
}

/**
 * An asset as its own stream says now, not as a subscription may not have heard yet.
 * @returns undefined where there is no such asset
 * @throws FerryError ASSET_DELETED
 */
export const readAsset = async (eventStore: EventStore, assetId: string): Promise<AssetFacts | undefined> => {
  const events = await eventStore.read<AssetEvent>(assetStream(assetId));
  const registered = events.find(({ type }) => type === 'AssetRegistered');
  if (!registered) return undefined;
  if (events.some(({ type }) => type === 'AssetDeleted')) throw assetDeleted();
  const verified = events.find(({ type }) => type === 'AssetContentVerified');
  return { owner: registered.metadata.owner, ...(verified ? { content: verified.data as AssetContent } : {}) };
};

export const assetDeleted = (): FerryError => new FerryError('ASSET_DELETED', 'not-found', 'The asset was deleted. Register it again to bring it back.');

/** Also for an asset of another owner: that it exists is nobody else's business. */
export const unknownAsset = (): FerryError => new FerryError('UNKNOWN_ASSET', 'not-found', 'There is no such asset. Register it first.');
