import type { ProviderCapabilities, ResolveAnswer, ResolveRequest } from '@ferry/contracts';
import { isOpen, transferStream, type RouteState } from '@ferry/domain/transfer';
import { FerryError, parseRunId, type MediaFacts, type Token } from '@ferry/kernel';
import { stepBoundary } from '@ferry/observability';
import { singleflight } from '@ferry/resilience';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Injectable } from '@nestjs/common';
import { ownedAndLiving, type AssetForTransfer } from '../assets/asset-reader';
import { RunLog } from '../engine/run-log';
import { Worker } from '../engine/worker';
import type { KnownAsset } from '../memory/asset-memory';
import { Memory, revisionIn } from '../memory/memory';
import type { Known } from '../memory/stream-memory';
import { UsageLog } from '../usage/usage-log';
import { AnswersConfig } from './answers.config';
import { decide, livingReference, nothingTakesIt, targetOf, type Decision, type ForeignTarget, type RouteUrl, type Target, type Wish } from './decision';
import { transferFailed } from './outcome';

/** What is asked of a route: a resolve, or a plan of one. */
export type Asked = Pick<ResolveRequest, 'owner' | 'assetId' | 'providerId' | 'accountId' | 'use' | 'minRemainingTtl' | 'atLeast'>;

export interface Decided {
  readonly wish: Wish;
  readonly target: Target;
  /** Of a foreign target. */
  readonly known?: Known<RouteState>;
  readonly decision: Decision;
  /** The asset as its stream has it, where it was read. */
  readonly asset?: AssetForTransfer;
}

interface Requested extends Known<RouteState> {
  /** Nothing was appended. */
  readonly isRepeated: boolean;
}

/** Times that a decision is made anew because the route changed under it. */
const ROUNDS = 5;

const tokenOf = (routeId: string, { revision, position }: Known<RouteState>): Token => ({ stream: transferStream(routeId), revision, position });

/** getAssetForProvider, the part that answers; the worker does the rest. */
@Injectable()
export class ResolveService {
  /** One append for each route at a time: a crowd asks the store once. */
  private readonly appends = singleflight<Requested>();

  constructor(
    private readonly log: RunLog,
    private readonly memory: Memory,
    private readonly directory: ProviderDirectory,
    private readonly worker: Worker,
    private readonly usage: UsageLog,
    private readonly config: AnswersConfig,
  ) {}

  /** The answer where memory has it, for sure, at once: a reference, or a run to join. Undefined: ask `resolve`. */
  quick(request: ResolveRequest): ResolveAnswer | undefined {
    if (!this.memory.live) return undefined;
    if (request.awaiting) return this.quickOutcome(request, request.awaiting);
    const { owner, assetId, providerId, atLeast } = request;
    const asset = this.memory.asset(assetId, atLeast);
    const provider = this.directory.knownDescription(providerId);
    if (!asset || asset.owner !== owner || asset.deleted || !provider) return undefined;
    const account = this.directory.knownAccount(providerId, owner, wantedAccount(asset, request));
    if (!account) return undefined;
    const wish = wishOf(asset, provider, account.accountId, request);
    const target = targetOf(wish, Date.now());
    if (target.kind === 'native') return this.ready(target.routeId, 'native', target.reference);
    if (target.kind === 'none') return undefined;
    const known = this.memory.route(target.routeId, atLeast);
    const decision = known && decide(wish, target, known.state, undefined, this.limits());
    return decision && this.told(target.routeId, known, decision);
  }

  async resolve(request: ResolveRequest): Promise<ResolveAnswer> {
    if (request.awaiting) return this.outcome(request, request.awaiting);
    const { wish, target, ...first } = await this.decided(request);
    let { known, decision, asset } = first;
    if (target.kind === 'native') return this.ready(target.routeId, 'native', target.reference);
    if (target.kind === 'none') throw refused(decision);
    const { routeId } = target;
    for (let round = 1; known && round <= ROUNDS; round += 1) {
      if (decision.next === 'refuse') throw refused(decision);
      const answer = this.told(routeId, known, decision);
      if (answer) return answer;
      const requested = decision.next === 'request' ? await this.request(request, routeId, decision.command) : undefined;
      known = requested ?? known;
      // Another caller's append that was shared may have begun before what this caller has written.
      if (known.revision < revisionIn(transferStream(routeId), request.atLeast)) known = await this.memory.readRoute(routeId);
      ({ decision, asset } = await this.decideWith(wish, target, known, asset));
      // The same command again begins nothing more: it is told what came of its run.
      const { run } = known.state;
      if (requested?.isRepeated && decision.next === 'request' && run && !isOpen(run)) throw transferFailed(run);
    }
    throw refused(decision);
  }

  /** What a resolve would do now, and on what grounds. Changes nothing. */
  async decided(asked: Asked): Promise<Decided> {
    const { owner, assetId, providerId, atLeast } = asked;
    const remembered = this.memory.asset(assetId, atLeast);
    const read = remembered?.owner === owner && !remembered.deleted ? undefined : ownedAndLiving(await this.memory.readAsset(assetId), owner);
    const asset: KnownAsset = read ?? remembered!;
    const provider = await this.directory.describe(providerId);
    const { accountId } = await this.directory.authorize(providerId, owner, wantedAccount(asset, asked));
    const wish = wishOf(asset, provider, accountId, asked);
    const target = targetOf(wish, Date.now());
    if (target.kind === 'native') return { wish, target, decision: { next: 'answer', reference: target.reference } };
    if (target.kind === 'none') return { wish, target, decision: { next: 'refuse', error: nothingTakesIt(wish, (read ?? (await this.whole(asset))).facts) } };
    const known = this.memory.route(target.routeId, atLeast) ?? (await this.memory.readRoute(target.routeId));
    return { wish, target, known, ...(await this.decideWith(wish, target, known, read)) };
  }

  /** With the facts of the content where they decide: then the asset's stream is read. */
  private async decideWith(wish: Wish, target: ForeignTarget, { state }: Known<RouteState>, asset: AssetForTransfer | undefined): Promise<Pick<Decided, 'decision' | 'asset'>> {
    const decideOn = (facts: MediaFacts | undefined) => decide(wish, target, state, facts, this.limits());
    const decision = decideOn(asset?.facts);
    if (decision.next !== 'look') return asset ? { decision, asset } : { decision };
    const whole = await this.whole(wish.asset);
    return { decision: decideOn(whole.facts), asset: whole };
  }

  private async whole({ assetId, owner }: KnownAsset): Promise<AssetForTransfer> {
    return ownedAndLiving(await this.memory.readAsset(assetId), owner);
  }

  private request(request: ResolveRequest, routeId: string, data: Extract<Decision, { next: 'request' }>['command']): Promise<Requested> {
    const append = async () => {
      stepBoundary('transfer.before-request-append');
      const { state, token, events } = await this.worker.claiming((first) => this.log.route(routeId, request, { type: 'RequestTransfer', data: { ...data, ...first } }));
      stepBoundary('transfer.after-request-append');
      this.worker.notice(request.owner, state);
      return { state, revision: token.revision, position: token.position, isRepeated: !events.length };
    };
    return this.appends(routeId, () => this.memory.settle(routeId, append));
  }

  /** The answer that a decision is, if it is one. */
  private told(routeId: string, known: Known<RouteState>, decision: Decision): ResolveAnswer | undefined {
    if (decision.next === 'answer') return this.ready(routeId, 'cached', decision.reference, tokenOf(routeId, known));
    if (decision.next === 'join') return this.pending(routeId, known, decision.run.transferId);
    return undefined;
  }

  private pending(routeId: string, known: Known<RouteState>, transferId: string): ResolveAnswer {
    return { status: 'pending', routeId, transferId, token: tokenOf(routeId, known), ...this.worker.pauseOf(known.state.route) };
  }

  private ready(routeId: string, source: 'native' | 'cached', reference: RouteUrl, token?: Token): ResolveAnswer {
    this.usage.note(routeId, reference.assetId);
    return { status: 'ready', routeId, source, reference, ...(token ? { token } : {}) };
  }

  private limits() {
    return { now: Date.now(), reportsPerHour: this.config.TRANSFER_REPORTS_PER_HOUR };
  }

  private quickOutcome(request: ResolveRequest, awaiting: string): ResolveAnswer | undefined {
    const { subjectId: routeId } = parseRunId(awaiting)!;
    const asset = this.memory.asset(request.assetId, request.atLeast);
    const known = this.memory.route(routeId, request.atLeast);
    const provider = this.directory.knownDescription(request.providerId);
    // An open run is not told from memory: its end may have been told to the caller before it was told here.
    if (!asset || asset.owner !== request.owner || asset.deleted || !known || !provider || isOpen(known.state.run)) return undefined;
    return isOf(known.state, request, awaiting) ? this.endedWith(routeId, known, provider) : undefined;
  }

  /** Of a run that an earlier answer called pending, or of a later one of its route. */
  private async outcome(request: ResolveRequest, awaiting: string): Promise<ResolveAnswer> {
    const { assetId, owner, providerId, atLeast } = request;
    const remembered = this.memory.asset(assetId, atLeast);
    if (remembered?.owner !== owner || remembered.deleted) ownedAndLiving(await this.memory.readAsset(assetId), owner);
    const provider = await this.directory.describe(providerId);
    const { subjectId: routeId } = parseRunId(awaiting)!;
    const known = await this.memory.readRoute(routeId);
    const { run } = known.state;
    if (!isOf(known.state, request, awaiting)) {
      throw new FerryError('UNKNOWN_TRANSFER', 'not-found', 'The asset has no such transfer at this provider. Resolve without `awaiting`.');
    }
    if (isOpen(run)) return this.pending(routeId, known, run.transferId);
    const ready = this.endedWith(routeId, known, provider);
    if (ready) return ready;
    throw transferFailed(run);
  }

  private endedWith(routeId: string, known: Known<RouteState>, { variants }: ProviderCapabilities): ResolveAnswer | undefined {
    const { run, route } = known.state;
    const variant = variants.find((candidate) => candidate.variant === route?.variant);
    const reference = run?.status === 'completed' && variant && livingReference(known.state, variant, 0, Date.now());
    return reference ? this.ready(routeId, 'cached', reference, tokenOf(routeId, known)) : undefined;
  }
}

const refused = (decision: Decision): FerryError =>
  decision.next === 'refuse' ? decision.error : new FerryError('CONTENTION', 'conflict', 'Too many writers changed the same thing at once. Try again.');

/** The origin's account at the origin's own provider, else the owner's default there. */
const wantedAccount = ({ origin }: KnownAsset, { providerId, accountId }: Asked): string | undefined =>
  accountId ?? (origin.providerId === providerId ? origin.accountId : undefined);

const wishOf = (asset: KnownAsset, provider: ProviderCapabilities, accountId: string, { use, minRemainingTtl }: Asked): Wish => ({ asset, provider, accountId, use, minRemainingTtl });

/** The run, or a later one, is of this asset at this provider. */
const isOf = ({ route, run }: RouteState, { assetId, providerId }: ResolveRequest, awaiting: string): boolean =>
  route !== undefined && run !== undefined && run.run >= parseRunId(awaiting)!.run && route.assetId === assetId && route.providerId === providerId;
