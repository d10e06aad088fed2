import { FerryError } from '@ferry/kernel';
import { rounds, seed } from '@ferry/testing/specs';
import * as fc from 'fast-check';
import { warmingDecider, type WarmingCommand } from './warming.decider';
import { WARMING_EVENT_TYPES, type WarmingEvent, type WarmingRule } from './warming.events';
import type { KnownWarming } from './warming.state';

const assetId = fc.constantFrom('a', 'b', 'c', 'd');
const rule = fc.constantFrom<WarmingRule>({ by: 'list' }, { by: 'most-used', count: 4 });
const asset = fc.oneof(
  fc.record({ assetId, outcome: fc.constant('cached' as const) }),
  fc.record({ assetId, outcome: fc.constant('downloaded' as const), bytes: fc.nat(9) }),
  fc.record({ assetId, outcome: fc.constant('failed' as const), kind: fc.constant('timeout') }),
);
const data = {
  RequestWarming: fc.record({ rule, assetIds: fc.array(assetId, { maxLength: 6 }) }),
  RecordWarmed: fc.record({ assets: fc.array(asset, { maxLength: 3 }) }),
  CancelWarming: fc.constant({}),
} satisfies Record<WarmingCommand['type'], fc.Arbitrary<object>>;
const types: WarmingCommand['type'][] = ['RequestWarming', 'RecordWarmed', 'RecordWarmed', 'RecordWarmed', 'CancelWarming'];
const command = fc.constantFrom(...types).chain((type) => data[type].map((fields) => ({ type, data: fields, metadata: { now: '2026-01-05T10:00:00.000Z' } }) as WarmingCommand));

const historyOf = (commands: readonly WarmingCommand[]): { events: WarmingEvent[]; state: ReturnType<typeof warmingDecider.initialState> } => {
  let state = warmingDecider.initialState();
  const events = commands.flatMap((each) => {
    try {
      const decided = warmingDecider.decide(each, state);
      state = decided.reduce(warmingDecider.evolve, state);
      return decided;
    } catch (error) {
      if (!(error instanceof FerryError) || error.code !== 'WARMING_DIFFERS') throw error;
      return [];
    }
  });
  return { events, state };
};

const holdsFor = (check: (history: ReturnType<typeof historyOf>) => void): void =>
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30, size: 'max' }), (commands) => check(historyOf(commands))),
    { seed: seed(), numRuns: rounds(400) },
  );

describe('any commands in any order', () => {
  it('reach every event type', () => {
    const seen = new Set<string>();
    holdsFor(({ events }) => events.forEach(({ type }) => seen.add(type)));
    expect([...seen].sort()).toEqual([...WARMING_EVENT_TYPES].sort());
  });

  it('begin a warming once, end it once, and give nothing after the end', () => {
    holdsFor(({ events }) => {
      const names = events.map(({ type }) => type);
      const ends = names.filter((type) => type === 'WarmingCompleted' || type === 'WarmingCancelled');
      expect(names.filter((type) => type === 'WarmingRequested').length).toBeLessThanOrEqual(1);
      expect(ends.length).toBeLessThanOrEqual(1);
      if (ends.length) expect(names.at(-1)).toBe(ends[0]);
      if (names.length) expect(names[0]).toBe('WarmingRequested');
    });
  });

  it('account for each asset once, and complete only with all of them', () => {
    holdsFor(({ events, state }) => {
      const warmed = events.flatMap((event) => (event.type === 'AssetsWarmed' ? event.data.assets.map((one) => one.assetId) : []));
      expect(new Set(warmed).size).toBe(warmed.length);
      if (state.status === 'unrequested') return;
      const { assetIds, pending, downloaded, cached, failures, status }: KnownWarming = state;
      expect([...pending, ...warmed].sort()).toEqual([...assetIds].sort());
      expect(downloaded + cached + failures.length).toBe(warmed.length);
      expect(status === 'completed').toBe(pending.length === 0);
    });
  });
});
