import { FerryError, fold, PRIORITIES, transferIdOf } from '@ferry/kernel';
import { rounds, seed } from '@ferry/testing/specs';
import * as fc from 'fast-check';
import { route, ROUTE_ID } from './__examples__/transfer.examples';
import type { TransferCommand } from './transfer.commands';
import { transferDecider } from './transfer.decider';
import { TRANSFER_EVENT_TYPES, type TransferEvent } from './transfer.events';
import type { RouteState } from './transfer.state';

const REFUSALS = [
  'TRANSFER_REFUSED',
  'TOO_MANY_REPORTS',
  'UNKNOWN_TRANSFER',
  'RUN_NOT_OPEN',
  'STALE_EPOCH',
  'ATTEMPT_OPEN',
  'ATTEMPT_OUT_OF_ORDER',
  'UPLOAD_NOT_RELEASABLE',
  'UPLOAD_NOT_RELEASED',
];
const ENDS = ['TransferCompleted', 'TransferFailed', 'TransferCancelled'];
const START = Date.parse('2026-01-05T10:00:00.000Z');
const forms = { id: 'char_42', idType: 'character' };

const transferId = fc.integer({ min: 1, max: 3 }).map((run) => transferIdOf(ROUTE_ID, run));
const small = fc.integer({ min: 1, max: 3 });
const priority = fc.constantFrom(...PRIORITIES);
const workerId = fc.constantFrom('worker-a', 'worker-b');
const claim = fc.option(fc.record({ workerId }), { nil: undefined });
const attempt = { transferId, attempt: small };

const data = {
  RequestTransfer: fc.record({
    routeId: fc.constant(ROUTE_ID),
    ...Object.fromEntries(Object.entries(route).map(([key, value]) => [key, fc.constant(value)])),
    reason: fc.constantFrom('resolve', 'refresh'),
    priority,
    claim,
    minAliveUntil: fc.constantFrom(undefined, '2026-01-05T12:00:00.000Z'),
    deadReferenceId: fc.option(transferId, { nil: undefined }),
    reportsPerHour: fc.constantFrom(undefined, 1),
  }),
  RetryTransfer: fc.record({ transferId, claim }),
  RaiseTransfer: fc.record({ transferId, priority }),
  ClaimTransfer: fc.record({ transferId, workerId, fromEpoch: fc.nat(2) }),
  StartUpload: fc.record({ ...attempt, epoch: small }),
  ReleaseUpload: fc.record({ ...attempt, epoch: small, jobId: fc.constantFrom('job-1', 'job-2'), sizeBytes: fc.constant(10), sha256: fc.constant('a') }),
  AcceptUpload: fc.record({ ...attempt, forms: fc.constant(forms) }),
  FailUpload: fc.record({ ...attempt, kind: fc.constant('timeout'), retryable: fc.constant(true), message: fc.constant('No answer.') }),
  OrphanUpload: fc.record({ ...attempt, marker: fc.constant('ferry-1'), reason: fc.constant('found') }),
  CompleteTransfer: fc.record({ ...attempt, forms: fc.constant(forms) }),
  FailTransfer: fc.record({ transferId, kind: fc.constantFrom('unavailable', 'too-large') }),
  CancelTransfer: fc.record({ transferId }),
  InvalidateReference: fc.record({ referenceId: transferId, reason: fc.constantFrom('gone', 'reported'), reportedBy: fc.constant('key') }),
} satisfies Record<TransferCommand['type'], fc.Arbitrary<object>>;

const types = Object.keys(data) as TransferCommand['type'][];
const forward: TransferCommand['type'][] = ['ClaimTransfer', 'StartUpload', 'ReleaseUpload', 'AcceptUpload', 'FailUpload', 'CompleteTransfer'];

interface Step {
  readonly command: TransferCommand;
  /** Names the current run, epoch and attempt, so that long stories happen; otherwise anything. */
  readonly aimed: boolean;
}

const step: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(...types, ...forward), fc.nat(40 * 60 * 60 * 1000), fc.integer({ min: 0, max: 3 }))
  .chain(([type, after, chance]) =>
    data[type].map((fields) => ({
      command: { type, data: fields, metadata: { now: new Date(START + after).toISOString() } } as TransferCommand,
      aimed: chance > 0,
    })),
  );

const aim = ({ command, aimed }: Step, { run }: RouteState): TransferCommand => {
  if (!aimed || !run) return command;
  const attempt = command.type === 'StartUpload' ? run.attempt + 1 : run.attempt;
  const current: Record<string, unknown> = { transferId: run.transferId, epoch: run.epoch, fromEpoch: run.epoch, attempt };
  const fields = Object.entries(command.data).map(([key, value]) => [key, current[key] ?? value] as const);
  return { ...command, data: Object.fromEntries(fields) } as TransferCommand;
};

/** What a stream holds after the steps, of which some are refused. */
const historyOf = (steps: readonly Step[]): TransferEvent[] => {
  const history: TransferEvent[] = [];
  let state = transferDecider.initialState();
  for (const each of steps) {
    try {
      const events = transferDecider.decide(aim(each, state), state);
      history.push(...events);
      state = events.reduce(transferDecider.evolve, state);
    } catch (error) {
      if (!(error instanceof FerryError) || !REFUSALS.includes(error.code)) throw error;
    }
  }
  return history;
};

const holdsFor = (check: (history: TransferEvent[], steps: readonly Step[]) => void): void =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => check(historyOf(steps), steps)),
    { seed: seed(), numRuns: rounds(400) },
  );

describe('any commands in any order', () => {
  it('reach every event type', () => {
    const seen = new Set<string>();
    holdsFor((history) => history.forEach(({ type }) => seen.add(type)));
    expect([...seen].sort()).toEqual([...TRANSFER_EVENT_TYPES].sort());
  });

  it('never give a route two open runs', () => {
    holdsFor((history) => {
      let open = 0;
      for (const { type } of history) {
        if (type === 'TransferRequested') open += 1;
        if (ENDS.includes(type)) open -= 1;
        expect([0, 1]).toContain(open);
      }
    });
  });

  it('make epochs and attempts of a run grow by one', () => {
    holdsFor((history) => {
      const last = new Map<string, number>();
      const next = (key: string, value: number) => {
        expect(value).toBe((last.get(key) ?? 0) + 1);
        last.set(key, value);
      };
      for (const event of history) {
        if (event.type === 'TransferClaimed') next(`epoch of ${event.data.transferId}`, event.data.epoch);
        if (event.type === 'UploadStarted') next(`attempt of ${event.data.transferId}`, event.data.attempt);
      }
    });
  });

  it('release an attempt at most once, under the last claim, and only while it is open', () => {
    holdsFor((history) => {
      const open = new Set<string>();
      const released = new Set<string>();
      const epochs = new Map<string, number>();
      for (const event of history) {
        const key = 'attempt' in event.data ? `${event.data.transferId} ${event.data.attempt}` : '';
        if (event.type === 'TransferClaimed') epochs.set(event.data.transferId, event.data.epoch);
        if (event.type === 'UploadStarted') open.add(key);
        if (event.type === 'UploadFailed') open.delete(key);
        if (ENDS.includes(event.type)) open.clear();
        if (event.type === 'UploadReleased') {
          expect([open.has(key), released.has(key), event.data.epoch]).toEqual([true, false, epochs.get(event.data.transferId)]);
          released.add(key);
        }
        if (event.type === 'UploadCompleted') expect(released.has(key)).toBe(true);
      }
    });
  });

  it('decide the same on a history that was read back from JSON', () => {
    holdsFor((history, steps) => {
      const stored = fold(transferDecider, JSON.parse(JSON.stringify(history)) as TransferEvent[]);
      expect(stored).toEqual(fold(transferDecider, history));
      expect(historyOf(steps)).toEqual(history);
    });
  });
});
