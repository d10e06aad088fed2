import { cacheDefinition, cacheStream, type CacheCommand } from '@ferry/domain/cache';
import type { EventStore } from '@ferry/event-store';
import { defined, type EventMetadata, type Token } from '@ferry/kernel';
import { currentContext } from '@ferry/observability';
import { randomUUID } from 'node:crypto';
import type { CacheIndex } from './cache-index';

export const ACTOR = 'service:cache-manager';

export const metadataOf = (owner: string, commandId: string, actor = ACTOR): EventMetadata => {
  const { correlationId, causationId, traceparent } = currentContext();
  return defined({ $correlationId: correlationId, $causationId: causationId ?? correlationId, commandId, actor, owner, traceparent });
};

/** Facts of the cache, written to the events and at once into the index. */
export class CacheLog {
  constructor(
    private readonly eventStore: EventStore,
    private readonly index: CacheIndex,
  ) {}

  /** Reads the asset's stream anew into the index. @throws FerryError EVENT_STORE_UNAVAILABLE */
  async refresh(assetId: string): Promise<void> {
    const owner = this.index.ownerOf(assetId);
    const { state, revision } = await this.eventStore.load(cacheDefinition, cacheStream(assetId));
    if (owner !== undefined) this.index.settle(assetId, { owner, revision, state });
  }

  /** @throws FerryError what the decider refuses with; EVENT_STORE_UNAVAILABLE, CONTENTION */
  async record(assetId: string, owner: string, { type, data }: Pick<CacheCommand, 'type' | 'data'>, by: { readonly actor?: string; readonly commandId?: string } = {}): Promise<Token> {
    const command = { type, data, metadata: { now: new Date().toISOString() } } as CacheCommand;
    const stream = cacheStream(assetId);
    const { state, token } = await this.eventStore.handle({ definition: cacheDefinition, stream, command, metadata: metadataOf(owner, by.commandId ?? randomUUID(), by.actor) });
    this.index.settle(assetId, { owner, revision: token.revision, state });
    return token;
  }
}
