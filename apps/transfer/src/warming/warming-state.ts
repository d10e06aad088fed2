import { warmingDecider, warmingDefinition, warmingStream, type WarmedAsset, type WarmingEvent, type WarmingState } from '@ferry/domain/warming';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { randomUUID } from 'node:crypto';

interface Known {
  readonly state: WarmingState;
  readonly revision: number;
}

/** The warmings that are worked on, as their streams say; each look reads what is new. */
export class RunningWarmings {
  private readonly known = new Map<string, Known>();

  constructor(private readonly store: EventStore) {}

  /** Forgets all others. */
  keep(warmingIds: readonly string[]): void {
    for (const warmingId of [...this.known.keys()]) if (!warmingIds.includes(warmingId)) this.known.delete(warmingId);
  }

  async read(warmingId: string): Promise<WarmingState> {
    const before = this.known.get(warmingId) ?? { state: warmingDecider.initialState(), revision: -1 };
    const events = await this.store.read(warmingStream(warmingId), { from: before.revision + 1 });
    const state = (events as unknown as readonly WarmingEvent[]).reduce(warmingDecider.evolve, before.state);
    this.known.set(warmingId, { state, revision: before.revision + events.length });
    return state;
  }

  async record(warmingId: string, owner: string, assets: readonly WarmedAsset[]): Promise<void> {
    await this.store.handle({
      definition: warmingDefinition,
      stream: warmingStream(warmingId),
      command: { type: 'RecordWarmed', data: { assets }, metadata: { now: new Date().toISOString() } },
      metadata: metadataFor({ owner, actor: 'service:transfer', commandId: randomUUID() }),
    });
  }
}
