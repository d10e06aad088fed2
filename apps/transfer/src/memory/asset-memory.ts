import { ASSET_EVENT_TYPES, type AssetEvent, type Origin } from '@ferry/domain/asset/events';
import type { RecordedEvent } from '@ferry/kernel';
import { applied, begun, type AssetForTransfer } from '../assets/asset-state';
import { StreamMemory, type Codec } from './stream-memory';
import { Words } from './words';

/** What an answer needs to know of an asset. What only a new transfer needs (facts, hash, file name) is read then. */
export type KnownAsset = Pick<AssetForTransfer, 'assetId' | 'owner' | 'kind' | 'origin' | 'originLost' | 'deleted'>;

/** What many assets have in common. */
export type AssetProfile = Pick<KnownAsset, 'owner' | 'kind' | 'originLost' | 'deleted'> & Pick<Origin, 'providerId' | 'accountId'>;

/** Assets in 4 bytes of a column and the origin's forms. */
class AssetCodec implements Codec<KnownAsset> {
  private readonly words = new Words((text) => Object.freeze(JSON.parse(text) as AssetProfile));
  private readonly profiles: Uint32Array;

  constructor(capacity: number) {
    this.profiles = new Uint32Array(capacity);
  }

  isMoving(): boolean {
    return false;
  }

  pack(slot: number, _: string, { owner, kind, origin, originLost, deleted }: KnownAsset): string {
    const { providerId, accountId, ...rest } = origin;
    const profile: AssetProfile = { owner, kind, providerId, accountId, originLost, deleted };
    this.profiles[slot] = this.words.numberOf(JSON.stringify(profile))!;
    return JSON.stringify(rest);
  }

  unpack(slot: number, assetId: string, rest: string): KnownAsset {
    const { owner, kind, providerId, accountId, originLost, deleted } = this.profileOf(slot);
    return { assetId, owner, kind, origin: { providerId, accountId, ...(JSON.parse(rest) as Pick<Origin, 'forms' | 'expiresAt'>) }, originLost, deleted };
  }

  profileOf(slot: number): AssetProfile {
    return this.words.valueOf(this.profiles[slot]!);
  }
}

export const essentials = ({ assetId, owner, kind, origin, originLost, deleted }: AssetForTransfer): KnownAsset => ({ assetId, owner, kind, origin, originLost, deleted });

const evolve = (state: KnownAsset | undefined, event: RecordedEvent, assetId: string): KnownAsset | undefined => {
  if (!(ASSET_EVENT_TYPES as readonly string[]).includes(event.type)) return undefined;
  const { type, data } = event as unknown as AssetEvent;
  if (type === 'AssetRegistered') return essentials(begun(assetId, event.metadata.owner, data));
  return state && essentials(applied({ ...state, facts: {} }, { type, data } as Exclude<AssetEvent, { type: 'AssetRegistered' }>));
};

export class AssetMemory extends StreamMemory<KnownAsset> {
  private readonly codec: AssetCodec;

  constructor(capacity: number) {
    const codec = new AssetCodec(capacity);
    super({ capacity, codec, evolve });
    this.codec = codec;
  }

  /** What answers most questions, without the origin's forms. */
  profile(assetId: string): AssetProfile | undefined {
    const slot = this.table.find(assetId);
    if (slot < 0) return undefined;
    this.hits += 1;
    return this.codec.profileOf(slot);
  }
}
