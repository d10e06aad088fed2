import type { ResolveRequest } from '@ferry/contracts';
import { TRANSFER_CATEGORY } from '@ferry/domain/transfer';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Injectable } from '@nestjs/common';
import { Memory } from '../memory/memory';
import type { PlainReference } from '../memory/route-memory';
import { UsageLog } from '../usage/usage-log';
import { endOf } from './decision';
import { chooseVariant } from './limits';
import { ResolveService } from './resolve.service';

/** Answers from memory, as JSON. */
@Injectable()
export class KnownAnswers {
  constructor(
    private readonly memory: Memory,
    private readonly directory: ProviderDirectory,
    private readonly usage: UsageLog,
    private readonly service: ResolveService,
  ) {}

  /** What `ResolveService.quick` answers. */
  json(request: ResolveRequest): string | undefined {
    const plain = this.plain(request);
    if (plain !== undefined) return plain;
    const answer = this.service.quick(request);
    return answer && JSON.stringify(answer);
  }

  /**
   * What nearly every question gets, a known reference elsewhere than at its asset's origin, by the same decisions, made on memory's columns:
   * no state is built, and no id derived. Undefined for any other question, and where anything is unusual.
   */
  private plain({ owner, assetId, providerId, accountId: wanted, use, minRemainingTtl, awaiting, atLeast }: ResolveRequest): string | undefined {
    if (awaiting !== undefined || atLeast !== undefined || !this.memory.live) return undefined;
    const asset = this.memory.assets.profile(assetId);
    if (!asset || asset.owner !== owner || asset.deleted || asset.providerId === providerId) return undefined;
    const provider = this.directory.knownDescription(providerId);
    const accountId = this.directory.knownAccount(providerId, owner, wanted ?? undefined)?.accountId;
    if (!provider || accountId === undefined) return undefined;
    const choice = chooseVariant(provider, asset.kind, use, {});
    if (!('variant' in choice)) return undefined;
    const reference = this.memory.routes.plainReference(assetId, providerId, accountId, choice.variant.variant);
    if (!reference) return undefined;
    const endsAt = endOf(reference, choice.variant);
    if (endsAt !== undefined && endsAt < Date.now() + (minRemainingTtl ?? provider.safetyMarginSeconds) * 1_000) return undefined;
    this.usage.note(reference.routeId, assetId);
    return written(assetId, reference, endsAt);
  }
}

const written = (assetId: string, { routeId, run, target, forms, revision, position }: PlainReference, endsAt: number | undefined): string => {
  const ends = endsAt === undefined ? '' : `,"expiresAt":"${new Date(endsAt).toISOString()}"`;
  const reference = `{"referenceId":"${routeId}-${run}","assetId":"${assetId}",${target.json},"forms":${forms}${ends}}`;
  return `{"status":"ready","routeId":"${routeId}","source":"cached","reference":${reference},"token":{"stream":"${TRANSFER_CATEGORY}${routeId}","revision":${revision},"position":"${position}"}}`;
};
