import type { LeaseManager } from '@ferry/coordination';
import { ASSET_CATEGORY } from '@ferry/domain/asset/events';
import { ACCESS_CATEGORY, CACHE_CATEGORY } from '@ferry/domain/cache/events';
import { TRANSFER_CATEGORY, USAGE_CATEGORY } from '@ferry/domain/transfer/events';
import type { EventStore } from '@ferry/event-store';
import type { Position, Token } from '@ferry/kernel';
import type { ReadModels, Runner } from '@ferry/read-models';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { accesses } from './accesses.projection';
import { assets } from './assets.projection';
import { localFiles } from './local-files.projection';
import { references } from './references.projection';

/** Milliseconds that a query waits for what its caller has written. */
const VISIBLE_MS = 3_000;
const REBUILT_MS = 60_000;

/** The catalog's read models and the runners that keep them. */
@Injectable()
export class Projections {
  private readonly runners: ReadonlyMap<string, Runner>;

  constructor(
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(LEASES) leases: LeaseManager,
  ) {
    const accessRunner = models.project(accesses, store, leases);
    this.runners = new Map([
      [ASSET_CATEGORY, models.project(assets, store, leases)],
      [TRANSFER_CATEGORY, models.project(references, store, leases)],
      [CACHE_CATEGORY, models.project(localFiles, store, leases)],
      [ACCESS_CATEGORY, accessRunner],
      [USAGE_CATEGORY, accessRunner],
    ]);
  }

  get assets() {
    return this.models.collection(assets);
  }
  get references() {
    return this.models.collection(references);
  }
  get localFiles() {
    return this.models.collection(localFiles);
  }
  get accesses() {
    return this.models.collection(accesses);
  }

  /**
   * Waits for the read model that follows the token's stream; a stream that none follows changes nothing here.
   * @throws FerryError NOT_YET_VISIBLE
   */
  async reach(atLeast: Token | undefined): Promise<void> {
    const runner = [...this.runners].find(([category]) => atLeast?.stream.startsWith(category))?.[1];
    await runner?.waitFor(atLeast!.position, VISIBLE_MS);
  }

  /**
   * Drops every read model and waits until all are made again from the events.
   * @throws FerryError NOT_YET_VISIBLE where that takes longer than a minute; it goes on
   */
  async rebuild(): Promise<Position> {
    const head = await this.store.head();
    await Promise.all([...new Set(this.runners.values())].map((runner) => runner.rebuild(head, REBUILT_MS)));
    return head;
  }
}
