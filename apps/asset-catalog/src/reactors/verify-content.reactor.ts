import type { LeaseManager } from '@ferry/coordination';
import { assetDefinition, assetStream } from '@ferry/domain/asset';
import { CACHE_CATEGORY, type FileCachedData } from '@ferry/domain/cache/events';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { FerryError, idInStream, type RecordedEvent } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import type { ReadModels } from '@ferry/read-models';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';

const ACTOR = 'service:asset-catalog';
/** Refusals that another try does not change: the file is not what the asset was, or belongs to no asset. */
const FINAL = new Set(['CONTENT_CHANGED', 'UNKNOWN_ASSET']);

/** The first verified file of an asset says what its content is. */
@Injectable()
export class VerifyContentReactor {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) models: ReadModels,
    @Inject(LEASES) leases: LeaseManager,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    models.follow({ name: 'asset-catalog-verify-content', prefixes: [CACHE_CATEGORY], onEvent: (event) => this.react(event) }, store, leases);
  }

  private async react(event: RecordedEvent): Promise<void> {
    if (event.type !== 'FileCached') return;
    const assetId = idInStream(CACHE_CATEGORY, event.streamName)!;
    const { nodeId: _, personal: _personal, downloadId: _downloadId, ...content } = event.data as FileCachedData;
    try {
      await this.store.handle({
        definition: assetDefinition,
        stream: assetStream(assetId),
        command: { type: 'VerifyContent', data: content, metadata: { now: event.created } },
        metadata: metadataFor({ owner: event.metadata.owner, actor: ACTOR, commandId: `reaction:asset-catalog:${event.id}` }),
      });
    } catch (error) {
      if (!(error instanceof FerryError) || !FINAL.has(error.code)) throw error;
      this.logger.warn({ code: error.code, assetId, event: event.id }, 'a cached file does not fit its asset');
    }
  }
}
