import { assetDefinition, assetStream, type AssetState } from '@ferry/domain/asset';
import type { EventStore } from '@ferry/event-store';
import { assetIdOf, FerryError, type EventMetadata, type Token } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';

/** More lives of one origin than anybody makes by hand. */
const MAX_LIVES = 1_000;

export interface OriginIdentity {
  readonly owner: string;
  readonly providerId: string;
  readonly accountId: string;
}

/** The asset that an origin is, or will be. */
export interface FoundAsset {
  readonly assetId: string;
  readonly life: number;
  readonly state: AssetState;
  /** Where the command has been here before. */
  readonly seen?: Token;
}

/** Finds an origin's asset among the ids that its keys and lives derive. */
@Injectable()
export class AssetFinder {
  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  /** The first key, strongest first, whose asset lives; where none does, the next life under the strongest key. */
  async find(identity: OriginIdentity, keys: readonly string[], metadata: EventMetadata): Promise<FoundAsset> {
    let free: FoundAsset | undefined;
    for (const key of keys) {
      const found = await this.underKey(identity, key, metadata);
      if (found.seen || found.state.status !== 'unregistered') return found;
      free ??= found;
    }
    return free!;
  }

  private async underKey(identity: OriginIdentity, originKey: string, metadata: EventMetadata): Promise<FoundAsset> {
    for (let life = 1; life <= MAX_LIVES; life += 1) {
      const assetId = assetIdOf({ ...identity, originKey, life });
      const { state, commands } = await this.store.load(assetDefinition, assetStream(assetId));
      const seen = commands.find(metadata);
      if (seen) return { assetId, life, state, seen };
      if (state.status !== 'deleted') return { assetId, life, state };
    }
    throw new FerryError('TOO_MANY_LIVES', 'conflict', `The origin was registered and deleted ${MAX_LIVES} times. Use another account or link.`);
  }
}
