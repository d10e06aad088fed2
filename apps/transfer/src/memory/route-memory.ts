import { isOpen, TRANSFER_EVENT_TYPES, transferDefinition, type RouteReference, type RouteState, type TransferEvent, type TransferRun } from '@ferry/domain/transfer';
import { transferIdOf, type Position, type RecordedEvent, type ReferenceForms, type Route } from '@ferry/kernel';
import { StreamMemory, type Codec } from './stream-memory';
import { SlotIndex } from './slot-index';
import { hashOfWords, readUuid, sameWords, UUID_WORDS, wordsOf, writeUuid } from './uuid-table';
import { Words } from './words';

/** In the column of expiries: none is told. */
const NEVER = 0;
const isCanonical = (date: string): boolean => {
  const ms = Date.parse(date);
  return ms > NEVER && new Date(ms).toISOString() === date;
};

interface Plain {
  readonly route: Route;
  readonly reference: RouteReference & { readonly cachedAt: string };
  readonly run: Extract<TransferRun, { status: 'completed' }>;
  /** The fields that have no column, of the state, the reference and the run: of most routes the same. */
  readonly more: readonly [object, object, object];
}

/** The state that nearly every route is in: its last run, a plain resolve, ended well and its reference stands. */
const plain = (id: string, { route, reference, run, runs, orphans, ...moreState }: RouteState): Plain | undefined => {
  if (!route || !reference || run?.status !== 'completed' || orphans.length) return undefined;
  const { cachedAt, expiresAt, referenceId: _, forms: __, ...moreReference } = reference;
  const { transferId: _id, run: _run, reason: _reason, priority: _priority, epoch: _epoch, attempt: _attempt, status: _status, completedAt: _end, ...moreRun } = run;
  const ordinary = run.reason === 'resolve' && run.priority === 'resolve' && run.epoch < 256 && run.attempt < 256 && run.run === runs;
  const own = reference.referenceId === run.transferId && run.transferId === transferIdOf(id, run.run) && cachedAt === run.completedAt;
  if (!ordinary || !own || cachedAt === undefined || !isCanonical(cachedAt) || (expiresAt !== undefined && !isCanonical(expiresAt))) return undefined;
  return { route, reference: { ...reference, cachedAt }, run, more: [moreState, moreReference, moreRun] };
};

/** So many different extras have a number; a route with others is kept as JSON. */
const MAX_EXTRAS = 256;

/** Where routes lead to. */
export interface RouteTarget {
  readonly providerId: string;
  readonly accountId: string;
  readonly variant: string;
  /** The same, as fields of a JSON object. */
  readonly json: string;
}

const targetText = (providerId: string, accountId: string, variant: string): string => `${providerId}\n${accountId}\n${variant}`;

const readTarget = (text: string): RouteTarget => {
  const [providerId = '', accountId = '', variant = ''] = text.split('\n');
  return { providerId, accountId, variant, json: JSON.stringify({ providerId, accountId, variant }).slice(1, -1) };
};

/** Spreads the routes of one asset. */
const spread = (hash: number, target: number): number => hash ^ Math.imul(target, 0x9e3779b1);

/** Routes in 70 bytes of columns and the reference's forms; what is not plain as JSON. Plain ones are found by asset and target too. */
class RouteCodec implements Codec<RouteState> {
  private readonly targets = new Words(readTarget);
  private readonly extras = new Words((text) => JSON.parse(text) as [object, object, object], MAX_EXTRAS);
  private readonly byTarget: SlotIndex;
  /** What is looked for in `byTarget`. */
  private readonly soughtAsset = new Uint32Array(UUID_WORDS);
  private soughtTarget = 0;
  private readonly assets: Uint32Array;
  private readonly target: Uint32Array;
  private readonly runs: Uint32Array;
  private readonly epochs: Uint8Array;
  private readonly attempts: Uint8Array;
  private readonly extra: Uint8Array;
  private readonly expiries: Float64Array;
  private readonly ends: Float64Array;

  constructor(capacity: number) {
    this.assets = new Uint32Array(capacity * UUID_WORDS);
    [this.target, this.runs] = [new Uint32Array(capacity), new Uint32Array(capacity)];
    [this.epochs, this.attempts, this.extra] = [new Uint8Array(capacity), new Uint8Array(capacity), new Uint8Array(capacity)];
    [this.expiries, this.ends] = [new Float64Array(capacity), new Float64Array(capacity)];
    this.byTarget = new SlotIndex(
      capacity,
      (slot) => spread(hashOfWords(this.assets, slot), this.target[slot]!),
      (slot) => this.target[slot] === this.soughtTarget && sameWords(this.assets, slot, this.soughtAsset),
    );
  }

  isMoving({ run }: RouteState): boolean {
    return isOpen(run);
  }

  pack(slot: number, id: string, state: RouteState): string {
    const ordinary = plain(id, state);
    const extra = ordinary ? this.extras.numberOf(JSON.stringify(ordinary.more)) : undefined;
    if (!ordinary || extra === undefined || !writeUuid(ordinary.route.assetId, this.assets, slot)) {
      this.runs[slot] = 0;
      return JSON.stringify(state);
    }
    const { route, reference, run } = ordinary;
    this.target[slot] = this.targets.numberOf(targetText(route.providerId, route.accountId, route.variant))!;
    this.extra[slot] = extra;
    this.runs[slot] = run.run;
    this.epochs[slot] = run.epoch;
    this.attempts[slot] = run.attempt;
    this.expiries[slot] = reference.expiresAt === undefined ? NEVER : Date.parse(reference.expiresAt);
    this.ends[slot] = Date.parse(reference.cachedAt);
    this.byTarget.add(slot);
    return JSON.stringify(reference.forms);
  }

  unpack(slot: number, id: string, rest: string): RouteState {
    const runs = this.runs[slot]!;
    if (!runs) return JSON.parse(rest) as RouteState;
    const { providerId, accountId, variant } = this.targets.valueOf(this.target[slot]!);
    const transferId = transferIdOf(id, runs);
    const completedAt = new Date(this.ends[slot]!).toISOString();
    const expiry = this.expiries[slot]!;
    const ends = expiry === NEVER ? {} : { expiresAt: new Date(expiry).toISOString() };
    const facts = { transferId, run: runs, reason: 'resolve', priority: 'resolve', epoch: this.epochs[slot]!, attempt: this.attempts[slot]! } as const;
    const [moreState, moreReference, moreRun] = this.extras.valueOf(this.extra[slot]!);
    return {
      ...moreState,
      runs,
      orphans: [],
      route: { assetId: readUuid(this.assets, slot), providerId, accountId, variant },
      reference: { ...moreReference, referenceId: transferId, forms: JSON.parse(rest) as ReferenceForms, ...ends, cachedAt: completedAt },
      run: { ...moreRun, ...facts, status: 'completed', completedAt },
    };
  }

  drop(slot: number): void {
    if (this.runs[slot]) this.byTarget.remove(slot);
  }

  /** The slot of the plain route that leads there, or -1. */
  slotOf(assetId: string, providerId: string, accountId: string, variant: string): number {
    const target = this.targets.knownNumber(targetText(providerId, accountId, variant));
    if (target === undefined || !wordsOf(assetId, this.soughtAsset)) return -1;
    this.soughtTarget = target;
    return this.byTarget.find(spread(hashOfWords(this.soughtAsset, 0), target));
  }

  /** Of a plain route. */
  referenceOf(slot: number): Pick<PlainReference, 'run' | 'target' | 'expiresAt' | 'cachedAt'> {
    const expiry = this.expiries[slot]!;
    return { run: this.runs[slot]!, target: this.targets.valueOf(this.target[slot]!), expiresAt: expiry === NEVER ? undefined : expiry, cachedAt: this.ends[slot]! };
  }
}

/** The reference of a route whose last run, a plain resolve, ended well, with what an answer tells of it. Times in milliseconds since 1970. */
export interface PlainReference {
  readonly routeId: string;
  readonly run: number;
  readonly target: RouteTarget;
  /** JSON. */
  readonly forms: string;
  readonly expiresAt: number | undefined;
  readonly cachedAt: number;
  /** Of the route's stream. */
  readonly revision: number;
  readonly position: Position;
}

const evolve = (state: RouteState | undefined, { type, data }: RecordedEvent): RouteState | undefined => {
  if (!(TRANSFER_EVENT_TYPES as readonly string[]).includes(type)) return undefined;
  const { decider } = transferDefinition;
  return decider.evolve(state ?? decider.initialState(), { type, data } as TransferEvent);
};

export class RouteMemory extends StreamMemory<RouteState> {
  private readonly codec: RouteCodec;

  constructor(capacity: number) {
    const codec = new RouteCodec(capacity);
    super({ capacity, codec, evolve });
    this.codec = codec;
  }

  /** Undefined where the route is unknown or in any other state. */
  plainReference(assetId: string, providerId: string, accountId: string, variant: string): PlainReference | undefined {
    const slot = this.codec.slotOf(assetId, providerId, accountId, variant);
    if (slot < 0) return undefined;
    this.hits += 1;
    const { run, target, expiresAt, cachedAt } = this.codec.referenceOf(slot);
    return { routeId: this.table.idOf(slot), run, target, forms: this.rests[slot]!, expiresAt, cachedAt, revision: this.revisions[slot]!, position: this.positionOf(slot) };
  }
}
