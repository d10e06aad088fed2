import * as fc from 'fast-check';
import { createPolicy, POLICY_NAMES, type EvictableFile, type EvictionPolicy } from './index';
import { MODELS } from './testing/naive-policies';

const RUNS = 20 * Number(process.env['FERRY_TEST_ROUNDS'] ?? 10);
const idOf = (number: number): string => `asset-${number}`;

const assetId = fc.nat(12).map(idOf);
/** Clocks go backwards too. */
const minute = fc.nat(6);
const file = fc.record({ assetId, sizeBytes: fc.nat(5), cost: fc.constantFrom(undefined, 1, 2, 0.5) });
type Step = (policy: EvictionPolicy) => void;
const named = (name: string, work: Step): Step => Object.assign(work, { toString: () => name });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(file, minute).map(([come, at]) => named(`put ${JSON.stringify(come)} ${at}`, (policy) => policy.put(come, at))) },
  { weight: 5, arbitrary: fc.tuple(assetId, minute).map(([id, at]) => named(`touch ${id} ${at}`, (policy) => policy.touch(id, at))) },
  ...(['remove', 'hold', 'release'] as const).map((verb) => ({ weight: 2, arbitrary: assetId.map((id) => named(`${verb} ${id}`, (policy) => policy[verb](id))) })),
  { weight: 2, arbitrary: fc.constant(named('evict', (policy) => policy.remove(policy.next() ?? ''))) },
);

describe.each(POLICY_NAMES)('%s', (name) => {
  it('names the file that the naive model of it names, whatever happened', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const policy = createPolicy(name);
        const model = new MODELS[name]();
        for (const work of steps) {
          work(policy);
          work(model);
          expect([policy.next(), policy.size]).toEqual([model.next(), model.size]);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('never names a held file, and in time each of the others', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.uniqueArray(fc.nat(12), { minLength: 1 }), fc.uniqueArray(fc.nat(12)), (steps, come, kept) => {
        const policy = createPolicy(name);
        for (const work of steps) work(policy);
        come.forEach((number) => policy.put({ assetId: idOf(number), sizeBytes: number }, number));
        for (let number = 0; number <= 12; number += 1) policy.release(idOf(number));
        kept.forEach((number) => [1, 2].forEach(() => policy.hold(idOf(number))));
        const known = policy.size;
        const evicted = drain(policy);
        expect(evicted.filter((id) => kept.map(idOf).includes(id))).toEqual([]);
        expect(new Set(evicted).size).toBe(evicted.length);
        kept.forEach((number) => policy.release(idOf(number)));
        expect(evicted.length + drain(policy).length).toBe(known);
        expect(policy.size).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });
});

const drain = (policy: EvictionPolicy): string[] => {
  const evicted: string[] = [];
  for (let id = policy.next(); id !== undefined; id = policy.next()) {
    evicted.push(id);
    policy.remove(id);
  }
  return evicted;
};

describe('lru', () => {
  it('has one order, live and rebuilt from the same accesses in any order', () => {
    const accesses = fc.array(fc.tuple(assetId, minute), { maxLength: 60 });
    const shuffled = accesses.chain((live) => fc.tuple(fc.constant(live), fc.shuffledSubarray(live, { minLength: live.length, maxLength: live.length })));
    fc.assert(
      fc.property(shuffled, (orders) => {
        const [live, rebuilt] = orders.map((order) => {
          const policy = createPolicy('lru');
          for (const [id, at] of order) policy.put({ assetId: id, sizeBytes: 1 }, at);
          return drain(policy);
        });
        expect(rebuilt).toEqual(live);
      }),
      { numRuns: RUNS },
    );
  });
});

const filled = (name: 'gdsf' | 'sieve', ...files: EvictableFile[]): EvictionPolicy => {
  const policy = createPolicy(name);
  files.forEach((come, at) => policy.put(come, at));
  return policy;
};

describe('gdsf', () => {
  it('lets go of the large, the cheap and the seldom used first', () => {
    const files = [{ assetId: 'large', sizeBytes: 100 }, { assetId: 'dear', sizeBytes: 100, cost: 50 }, { assetId: 'small', sizeBytes: 10 }, { assetId: 'used', sizeBytes: 100 }];
    const policy = filled('gdsf', ...files);
    policy.touch('used', 0);
    expect(drain(policy)).toEqual(['large', 'used', 'small', 'dear']);
  });

  it('lets go of what was used often long ago, when what came since is used as much', () => {
    const policy = filled('gdsf', { assetId: 'once-loved', sizeBytes: 1 });
    for (let use = 0; use < 5; use += 1) policy.touch('once-loved', 0);
    const evicted: string[] = [];
    for (let day = 0; day < 10; day += 1) {
      policy.put({ assetId: `of-day-${day}`, sizeBytes: 1 }, day);
      evicted.push(policy.next()!);
      policy.remove(evicted.at(-1)!);
    }
    expect(evicted.slice(0, 5)).not.toContain('once-loved');
    expect(evicted).toContain('once-loved');
  });
});

describe('sieve', () => {
  it('spares what was used since the hand passed, once, and never moves it', () => {
    const policy = filled('sieve', ...['a', 'b', 'c', 'd'].map((id) => ({ assetId: id, sizeBytes: 1 })));
    policy.touch('a', 0);
    policy.touch('c', 0);
    expect(drain(policy)).toEqual(['b', 'd', 'a', 'c']);
  });
});
