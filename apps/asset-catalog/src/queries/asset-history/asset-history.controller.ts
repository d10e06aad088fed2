import { HistoryRequest, SUBJECTS, type HistoryAnswer, type HistoryEntry } from '@ferry/contracts';
import { assetStream } from '@ferry/domain/asset/events';
import { cacheStream } from '@ferry/domain/cache/events';
import { downloadStream } from '@ferry/domain/download/events';
import { lineageStream } from '@ferry/domain/lineage/events';
import { transferStream } from '@ferry/domain/transfer/events';
import type { EventStore } from '@ferry/event-store';
import type { RecordedEvent } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { Projections } from '../../projections/projections';
import { AssetOwners } from '../asset-owners';
import { redacted } from './redacted';

/** Of each stream, its first; a life longer than that is read from the store itself. */
const MAX_EVENTS_PER_STREAM = 2_000;
const MAX_ROUTES = 200;

@Controller()
export class AssetHistoryController {
  constructor(
    private readonly projections: Projections,
    private readonly owners: AssetOwners,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** The events of all streams of an asset, in the order in which they happened. */
  @MessagePattern(SUBJECTS.catalog.history)
  async history(@Payload() { owner, assetId, at, atLeast }: HistoryRequest): Promise<HistoryAnswer> {
    await this.owners.mustOwn(owner, assetId);
    await this.projections.reach(atLeast);
    const until = at === undefined ? Infinity : Date.parse(at);
    const events = (await this.read(await this.streamsOf(owner, assetId)))
      .filter(({ metadata, created }) => metadata.owner === owner && Date.parse(created) <= until)
      .sort((a, b) => (a.position < b.position ? -1 : 1));
    return { assetId, events: events.map(entryOf) };
  }

  private async streamsOf(owner: string, assetId: string): Promise<string[]> {
    const routes = await this.projections.references.find({ owner, assetId }).sort({ _id: 1 }).limit(MAX_ROUTES).toArray();
    const ofRoutes = routes.map(({ routeId }) => transferStream(routeId));
    return [assetStream(assetId), downloadStream(assetId), cacheStream(assetId), lineageStream(assetId), ...ofRoutes];
  }

  private async read(streams: readonly string[]): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (const stream of streams) events.push(...(await this.store.read(stream, { maxCount: MAX_EVENTS_PER_STREAM })));
    return events;
  }
}

const entryOf = ({ created, streamName, revision, position, type, data, metadata }: RecordedEvent): HistoryEntry => ({
  at: created,
  stream: streamName,
  revision,
  position,
  type,
  data: redacted(data),
  actor: metadata.actor,
  correlationId: metadata.$correlationId,
});
