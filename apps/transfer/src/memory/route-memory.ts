import { isOpen, TRANSFER_EVENT_TYPES, transferDefinition, type RouteReference, type RouteState, type TransferEvent, type TransferRun } from '@ferry/domain/transfer';
import { transferIdOf, type RecordedEvent, type ReferenceForms, type Route } from '@ferry/kernel';
import { StreamMemory, type Codec } from './stream-memory';
import { readUuid, writeUuid } from './uuid-table';
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

/** Routes in 70 bytes of columns and the reference's forms; what is not plain as JSON. */
class RouteCodec implements Codec<RouteState> {
  private readonly targets = new Words();
  private readonly extras = new Words(MAX_EXTRAS);
  private readonly assets: Uint32Array;
  private readonly target: Uint32Array;
  private readonly runs: Uint32Array;
  private readonly epochs: Uint8Array;
  private readonly attempts: Uint8Array;
  private readonly extra: Uint8Array;
  private readonly expiries: Float64Array;
  private readonly ends: Float64Array;

  constructor(capacity: number) {
    this.assets = new Uint32Array(capacity * 4);
    [this.target, this.runs] = [new Uint32Array(capacity), new Uint32Array(capacity)];
    [this.epochs, this.attempts, this.extra] = [new Uint8Array(capacity), new Uint8Array(capacity), new Uint8Array(capacity)];
    [this.expiries, this.ends] = [new Float64Array(capacity), new Float64Array(capacity)];
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
    this.target[slot] = this.targets.numberOf(`${route.providerId}\n${route.accountId}\n${route.variant}`)!;
    this.extra[slot] = extra;
    this.runs[slot] = run.run;
    this.epochs[slot] = run.epoch;
    this.attempts[slot] = run.attempt;
    this.expiries[slot] = reference.expiresAt === undefined ? NEVER : Date.parse(reference.expiresAt);
    this.ends[slot] = Date.parse(reference.cachedAt);
    return JSON.stringify(reference.forms);
  }

  unpack(slot: number, id: string, rest: string): RouteState {
    const runs = this.runs[slot]!;
    if (!runs) return JSON.parse(rest) as RouteState;
    const [providerId = '', accountId = '', variant = ''] = this.targets.textOf(this.target[slot]!).split('\n');
    const transferId = transferIdOf(id, runs);
    const completedAt = new Date(this.ends[slot]!).toISOString();
    const expiry = this.expiries[slot]!;
    const ends = expiry === NEVER ? {} : { expiresAt: new Date(expiry).toISOString() };
    const facts = { transferId, run: runs, reason: 'resolve', priority: 'resolve', epoch: this.epochs[slot]!, attempt: this.attempts[slot]! } as const;
    const [moreState, moreReference, moreRun] = JSON.parse(this.extras.textOf(this.extra[slot]!)) as [object, object, object];
    return {
      ...moreState,
      runs,
      orphans: [],
      route: { assetId: readUuid(this.assets, slot), providerId, accountId, variant },
      reference: { ...moreReference, referenceId: transferId, forms: JSON.parse(rest) as ReferenceForms, ...ends, cachedAt: completedAt },
      run: { ...moreRun, ...facts, status: 'completed', completedAt },
    };
  }
}

const evolve = (state: RouteState | undefined, { type, data }: RecordedEvent): RouteState | undefined => {
  if (!(TRANSFER_EVENT_TYPES as readonly string[]).includes(type)) return undefined;
  const { decider } = transferDefinition;
  return decider.evolve(state ?? decider.initialState(), { type, data } as TransferEvent);
};

export type RouteMemory = StreamMemory<RouteState>;

export const routeMemory = (capacity: number): RouteMemory => new StreamMemory({ capacity, codec: new RouteCodec(capacity), evolve });
