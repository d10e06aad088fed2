import { ASSET_EVENT_TYPES, type AssetEvent, type Origin } from '@ferry/domain/asset/events';
import { MEDIA_KINDS, type MediaKind, type RecordedEvent } from '@ferry/kernel';
import { applied, begun, type AssetForTransfer } from '../assets/asset-state';
import { StreamMemory, type Codec } from './stream-memory';
import { Words } from './words';

/** What an answer needs to know of an asset. What only a new transfer needs (facts, hash, file name) is read then. */
export type KnownAsset = Pick<AssetForTransfer, 'assetId' | 'owner' | 'kind' | 'origin' | 'originLost' | 'deleted'>;

const LOST = 1;
const DELETED = 2;

/** Assets in 9 bytes of columns and the origin's forms. */
class AssetCodec implements Codec<KnownAsset> {
  private readonly words = new Words();
  private readonly owners: Uint32Array;
  private readonly accounts: Uint32Array;
  private readonly flags: Uint8Array;

  constructor(capacity: number) {
    [this.owners, this.accounts, this.flags] = [new Uint32Array(capacity), new Uint32Array(capacity), new Uint8Array(capacity)];
  }

  isMoving(): boolean {
    return false;
  }

  pack(slot: number, _: string, { owner, kind, origin, originLost, deleted }: KnownAsset): string {
    const { providerId, accountId, ...rest } = origin;
    this.owners[slot] = this.words.numberOf(owner)!;
    this.accounts[slot] = this.words.numberOf(`${providerId}\n${accountId}`)!;
    this.flags[slot] = (originLost ? LOST : 0) | (deleted ? DELETED : 0) | (MEDIA_KINDS.indexOf(kind) << 2);
    return JSON.stringify(rest);
  }

  unpack(slot: number, assetId: string, rest: string): KnownAsset {
    const [providerId = '', accountId = ''] = this.words.textOf(this.accounts[slot]!).split('\n');
    const flags = this.flags[slot]!;
    return {
      assetId,
      owner: this.words.textOf(this.owners[slot]!),
      kind: MEDIA_KINDS[flags >> 2] as MediaKind,
      origin: { providerId, accountId, ...(JSON.parse(rest) as Pick<Origin, 'forms' | 'expiresAt'>) },
      originLost: (flags & LOST) !== 0,
      deleted: (flags & DELETED) !== 0,
    };
  }
}

export const essentials = ({ assetId, owner, kind, origin, originLost, deleted }: AssetForTransfer): KnownAsset => ({ assetId, owner, kind, origin, originLost, deleted });

const evolve = (state: KnownAsset | undefined, event: RecordedEvent, assetId: string): KnownAsset | undefined => {
  if (!(ASSET_EVENT_TYPES as readonly string[]).includes(event.type)) return undefined;
  const { type, data } = event as unknown as AssetEvent;
  if (type === 'AssetRegistered') return essentials(begun(assetId, event.metadata.owner, data));
  return state && essentials(applied({ ...state, facts: {} }, { type, data } as Exclude<AssetEvent, { type: 'AssetRegistered' }>));
};

export type AssetMemory = StreamMemory<KnownAsset>;

export const assetMemory = (capacity: number): AssetMemory => new StreamMemory({ capacity, codec: new AssetCodec(capacity), evolve });
