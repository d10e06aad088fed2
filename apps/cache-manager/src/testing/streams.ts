import { ASSET_EVENT_TYPES, type AssetEvent } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import type { Command, DomainEvent, StreamDefinition } from '@ferry/kernel';
import { randomUUID } from 'node:crypto';

type Append = Command<'Append', { readonly events: readonly DomainEvent[] }>;
/** Writes what another service would have written. */
const anyStream: StreamDefinition<null, Append, DomainEvent> = {
  category: '',
  eventTypes: ASSET_EVENT_TYPES,
  decider: { decide: ({ data }) => [...data.events], evolve: () => null, initialState: () => null },
};

export const appendAsset = async (eventStore: EventStore, stream: string, owner: string, events: readonly AssetEvent[]): Promise<void> => {
  await eventStore.handle({
    definition: anyStream,
    stream,
    command: { type: 'Append', data: { events }, metadata: { now: new Date().toISOString() } },
    metadata: { $correlationId: randomUUID(), $causationId: randomUUID(), commandId: randomUUID(), actor: 'service:spec', owner },
  });
};
