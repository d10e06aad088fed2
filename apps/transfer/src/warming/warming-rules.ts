import { SUBJECTS, type LineageGraph, type LineageGraphRequest } from '@ferry/contracts';
import type { LeaseManager } from '@ferry/coordination';
import type { WarmingRule } from '@ferry/domain/warming';
import type { EventStore } from '@ferry/event-store';
import { FerryError, type Token } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import type { ReadModels } from '@ferry/read-models';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { AssetReader } from '../assets/asset-reader';
import { fromReadModels } from '../read-models-away';
import { assetUsesProjection } from './asset-uses.projection';

const READ_MS = 5_000;
const GRAPH_MS = 10_000;
/** The most that the lineage answers. */
const DEPTH = 50;

/** What a client may name. */
export interface Wish {
  readonly assetIds?: readonly string[];
  readonly inputsOf?: string;
  readonly mostUsed?: number;
}

const refused = (): FerryError =>
  new FerryError('VALIDATION_FAILED', 'invalid', 'The request is not valid; details.errors says which fields and why.', {
    errors: ['body: give exactly one of assetIds, inputsOf and mostUsed'],
  });

/** @throws FerryError VALIDATION_FAILED */
export const ruleOf = ({ assetIds, inputsOf, mostUsed }: Wish): WarmingRule => {
  const rules: WarmingRule[] = [];
  if (assetIds) rules.push({ by: 'list' });
  if (inputsOf !== undefined) rules.push({ by: 'inputs-of', assetId: inputsOf });
  if (mostUsed !== undefined) rules.push({ by: 'most-used', count: mostUsed });
  if (rules.length !== 1) throw refused();
  return rules[0]!;
};

/** The assets that a rule means now. */
@Injectable()
export class WarmingRules {
  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(LEASES) leases: LeaseManager,
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly assets: AssetReader,
  ) {
    models.project(assetUsesProjection, store, leases);
  }

  /**
   * Whose the assets of a list are, is seen when it is their turn.
   * @throws FerryError UNKNOWN_ASSET, ASSET_DELETED, GRAPH_TOO_LARGE, NOT_YET_VISIBLE, READ_MODELS_UNAVAILABLE, SERVICE_UNAVAILABLE
   */
  async assetsOf(rule: WarmingRule, wish: Wish, who: { readonly owner: string; readonly actor: string; readonly atLeast?: Token }): Promise<readonly string[]> {
    switch (rule.by) {
      case 'list':
        return wish.assetIds!;
      case 'inputs-of':
        await this.assets.require(rule.assetId, who.owner);
        return this.inputsOf(rule.assetId, who);
      case 'most-used':
        return this.mostUsed(who.owner, rule.count);
    }
  }

  /** The nearest first. */
  private async inputsOf(assetId: string, { owner, actor, atLeast }: { readonly owner: string; readonly actor: string; readonly atLeast?: Token }): Promise<string[]> {
    const request: LineageGraphRequest = { owner, actor, assetId, direction: 'ancestors', depth: DEPTH, ...(atLeast ? { atLeast } : {}) };
    const { edges } = await this.messaging.request<LineageGraph>(SUBJECTS.lineage.graph, request, { timeoutMs: GRAPH_MS });
    return [...new Set(edges.map(({ parentAssetId }) => parentAssetId))];
  }

  private async mostUsed(owner: string, count: number): Promise<string[]> {
    const filter = { owner, uses: { $gt: 0 }, deleted: { $exists: false } };
    const options = { sort: { uses: -1, lastUsedAt: -1 }, limit: count, maxTimeMS: READ_MS } as const;
    const rows = await fromReadModels(this.logger, () => this.models.collection(assetUsesProjection).find(filter, options).toArray());
    return rows.map(({ assetId }) => assetId);
  }
}
