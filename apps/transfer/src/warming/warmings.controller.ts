import {
  ListWarmingsRequest,
  RequestWarmingRequest,
  SUBJECTS,
  WarmingCommandRequest,
  WarmingRequest,
  type WarmingCommandAnswer,
  type WarmingsAnswer,
  type WarmingView,
} from '@ferry/contracts';
import { warmingDecider, warmingDefinition, warmingStream, WARMING_CATEGORY, type KnownWarming, type WarmingCommand, type WarmingState } from '@ferry/domain/warming';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { FerryError, warmingIdOf, type Token } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import type { ReadModels, Runner } from '@ferry/read-models';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE, READ_MODELS } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { fromReadModels } from '../read-models-away';
import { WARMINGS_RUNNER } from '../transfer.config';
import { ruleOf, WarmingRules } from './warming-rules';
import { warmingsProjection } from './warmings.projection';

const READ_MS = 5_000;
/** Of one owner; more wait for nothing and are refused. */
const MAX_RUNNING = 100;
const MAX_FAILURES = 1_000;

@Controller()
export class WarmingsController {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(WARMINGS_RUNNER) private readonly runner: Runner,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly rules: WarmingRules,
  ) {}

  /** Begins a warming; the same command again tells of the same one. */
  @MessagePattern(SUBJECTS.transfer.requestWarming)
  async request(@Payload() request: RequestWarmingRequest): Promise<WarmingCommandAnswer> {
    const { owner, wish } = request;
    const rule = ruleOf(wish);
    const warmingId = warmingIdOf(request);
    const { state: known, revision, position } = await this.store.load(warmingDefinition, warmingStream(warmingId));
    const wanted = (assetIds: readonly string[]): WarmingCommand => ({ type: 'RequestWarming', data: { rule, assetIds }, metadata: { now: new Date().toISOString() } });
    if (known.status !== 'unrequested') {
      warmingDecider.decide(wanted(wish.assetIds ?? []), known);
      return answerOf(warmingId, known, { stream: warmingStream(warmingId), revision, position });
    }
    await this.checkRunning(owner);
    return this.handle(warmingId, request, wanted(await this.rules.assetsOf(rule, wish, request)));
  }

  @MessagePattern(SUBJECTS.transfer.getWarming)
  async get(@Payload() { owner, warmingId }: WarmingRequest): Promise<WarmingView> {
    const { state, requestedAt } = await this.require(warmingId, owner);
    const { rule, status, assetIds, downloaded, cached, bytes, failures } = state;
    const failed = failures.slice(0, MAX_FAILURES).map(({ assetId, kind = 'internal' }) => ({ assetId, kind }));
    return { warmingId, rule, status, requestedAt, total: assetIds.length, downloaded, cached, failed: failures.length, bytes, failures: failed };
  }

  @MessagePattern(SUBJECTS.transfer.listWarmings)
  async list(@Payload() { owner, limit, atLeast }: ListWarmingsRequest): Promise<WarmingsAnswer> {
    if (atLeast?.stream.startsWith(WARMING_CATEGORY)) await this.runner.waitFor(atLeast.position, READ_MS);
    const rows = await fromReadModels(this.logger, () =>
      this.models.collection(warmingsProjection).find({ owner }, { sort: { requestedAt: -1 }, limit, maxTimeMS: READ_MS }).toArray(),
    );
    return { items: rows.map(({ _id, _position, owner: _owner, ...row }) => row) };
  }

  /** Ends a warming that runs: downloads that only it waits for end too. One that has ended stays as it ended. */
  @MessagePattern(SUBJECTS.transfer.cancelWarming)
  async cancel(@Payload() request: WarmingCommandRequest): Promise<WarmingCommandAnswer> {
    await this.require(request.warmingId, request.owner);
    return this.handle(request.warmingId, request, { type: 'CancelWarming', data: {}, metadata: { now: new Date().toISOString() } });
  }

  private async handle(warmingId: string, { owner, actor, commandId }: { readonly owner: string; readonly actor: string; readonly commandId: string }, command: WarmingCommand): Promise<WarmingCommandAnswer> {
    const metadata = metadataFor({ owner, actor, commandId });
    const { state, token } = await this.store.handle({ definition: warmingDefinition, stream: warmingStream(warmingId), command, metadata });
    return answerOf(warmingId, state, token);
  }

  /** @throws FerryError TOO_MANY_WARMINGS */
  private async checkRunning(owner: string): Promise<void> {
    const running = await fromReadModels(this.logger, () =>
      this.models.collection(warmingsProjection).countDocuments({ owner, status: 'running' }, { limit: MAX_RUNNING, maxTimeMS: READ_MS }),
    );
    if (running < MAX_RUNNING) return;
    throw new FerryError('TOO_MANY_WARMINGS', 'throttled', `${MAX_RUNNING} warmings of yours are running. Wait for some to end, or cancel them.`, { running });
  }

  /** @throws FerryError UNKNOWN_WARMING also where it is another owner's */
  private async require(warmingId: string, owner: string): Promise<{ state: KnownWarming; requestedAt: string }> {
    const stream = warmingStream(warmingId);
    const [first] = await this.store.read(stream, { maxCount: 1 });
    const { state } = await this.store.load(warmingDefinition, stream);
    if (first?.metadata.owner !== owner || state.status === 'unrequested') {
      throw new FerryError('UNKNOWN_WARMING', 'not-found', 'There is no such warming. Check the id.');
    }
    return { state, requestedAt: first.created };
  }
}

const answerOf = (warmingId: string, state: WarmingState, token: Token): WarmingCommandAnswer => {
  if (state.status === 'unrequested') throw new FerryError('INTERNAL', 'internal', 'A requested warming has no state.');
  return { warmingId, status: state.status, total: state.assetIds.length, token };
};
