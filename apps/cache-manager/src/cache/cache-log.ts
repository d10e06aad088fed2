import { cacheDefinition, cacheStream, type CacheCommand, type CacheEvent } from '@ferry/domain/cache';
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

  /** Reads into the index what the asset's stream says beyond what is known here. @throws FerryError EVENT_STORE_UNAVAILABLE */
  async refresh(assetId: string): Promise<void> {
    for (const event of await this.eventStore.read<CacheEvent>(cacheStream(assetId))) this.index.apply(event);
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
