import * as fc from 'fast-check';
import { FairQueue, RetryBudget } from './index';

const owners = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key: fc.nat(40), owner: owners, rank: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), key: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('takeAndRestore' as const), count: fc.nat(5) }) },
);

/** The same order, found the slow way. */
class Model {
  private items: { key: string; owner: string; rank: number }[] = [];
  private turns = new Map<number, string[]>();

  put(item: { key: string; owner: string; rank: number }): void {
    const known = this.items.find(({ key }) => key === item.key);
    if (known?.owner === item.owner && known.rank === item.rank) return;
    this.remove(item.key);
    this.items.push(item);
    const turn = this.turns.get(item.rank) ?? [];
    if (!turn.includes(item.owner)) this.turns.set(item.rank, [...turn, item.owner]);
  }

  remove(key: string): void {
    const item = this.items.find((candidate) => candidate.key === key);
    if (!item) return;
    this.items = this.items.filter((candidate) => candidate !== item);
    if (!this.has(item)) this.turns.set(item.rank, this.turns.get(item.rank)!.filter((owner) => owner !== item.owner));
  }

  take(): string | undefined {
    const rank = Math.max(...this.items.map((item) => item.rank));
    const owner = this.turns.get(rank)?.[0];
    const item = this.items.find((candidate) => candidate.rank === rank && candidate.owner === owner);
    if (!item) return undefined;
    this.remove(item.key);
    if (this.has(item)) this.turns.set(rank, [...this.turns.get(rank)!.slice(1), owner!]);
    return item.key;
  }

  private has({ rank, owner }: { rank: number; owner: string }): boolean {
    return this.items.some((candidate) => candidate.rank === rank && candidate.owner === owner);
  }
}

describe('FairQueue', () => {
  it('gives the order of ranks, owners in turn, and arrival, whatever happened before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new FairQueue<null>();
        const model = new Model();
        for (const action of steps) {
          if (action.do === 'put') {
            const item = { key: String(action.key), owner: action.owner, rank: action.rank };
            queue.put({ ...item, value: null });
            model.put(item);
          } else if (action.do === 'take') expect(queue.take()?.key).toBe(model.take());
          else if (action.do === 'remove') {
            queue.remove(String(action.key));
            model.remove(String(action.key));
          } else {
            const taken = Array.from({ length: action.count }, () => queue.take()).filter((item) => item !== undefined);
            for (const item of taken.reverse()) queue.restore(item);
          }
        }
        const rest = Array.from({ length: queue.size }, () => queue.take()?.key);
        expect(rest).toEqual(Array.from({ length: rest.length }, () => model.take()));
        expect(queue.take()).toBe(model.take());
      }),
    );
  });

  it('serves an owner with one beside an owner with a thousand second', () => {
    const queue = new FairQueue<null>();
    for (let index = 0; index < 1_000; index += 1) queue.put({ key: `busy-${index}`, owner: 'busy', rank: 0, value: null });
    queue.put({ key: 'one', owner: 'other', rank: 0, value: null });
    queue.put({ key: 'urgent', owner: 'busy', rank: 4, value: null });
    expect([0, 1, 4, 5].map((rank) => queue.sizeFrom(rank))).toEqual([1_002, 1, 1, 0]);
    expect([queue.take()?.key, queue.take()?.key, queue.take()?.key]).toEqual(['urgent', 'busy-0', 'one']);
    expect([queue.size, queue.sizeOf(0), queue.sizeOf(4), queue.sizeOf(9)]).toEqual([999, 999, 0, 0]);
  });

  it('moves what is raised, and keeps the place of what is put again', () => {
    const queue = new FairQueue<number>();
    for (const key of ['a', 'b', 'c']) queue.put({ key, owner: 'one', rank: 1, value: 0 });
    queue.put({ key: 'a', owner: 'one', rank: 1, value: 1 });
    queue.put({ key: 'c', owner: 'one', rank: 2, value: 2 });
    expect([queue.take(), queue.take(), queue.take()].map((item) => [item?.key, item?.value])).toEqual([['c', 2], ['a', 1], ['b', 0]]);
  });
});

describe('RetryBudget', () => {
  it('never lets more retries through in a minute than the least, or a tenth of the calls', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.record({ pause: fc.nat(5_000), retry: fc.boolean() }), { maxLength: 300 }), (least, calls) => {
        let now = 0;
        const budget = new RetryBudget(least, () => now);
        const made: { at: number; retry: boolean }[] = [];
        for (const { pause, retry } of calls) {
          now += pause;
          if (retry && !budget.allows('provider')) continue;
          budget.count('provider', retry);
          made.push({ at: now, retry });
          const minute = made.filter(({ at }) => at > now - 59_000);
          const retries = minute.filter((call) => call.retry).length;
          const before = made.filter(({ at }) => at > now - 61_000).length;
          expect(retries).toBeLessThanOrEqual(Math.max(least, Math.ceil(before / 10)));
        }
      }),
    );
  });

  it('is each provider’s own, and comes back', () => {
    let now = 0;
    const budget = new RetryBudget(2, () => now);
    for (let retry = 0; retry < 2; retry += 1) budget.count('a', true);
    expect([budget.allows('a'), budget.allows('b')]).toEqual([false, true]);
    for (let call = 0; call < 30; call += 1) budget.count('a', false);
    expect(budget.allows('a')).toBe(true);
    budget.count('a', true);
    budget.count('a', true);
    expect(budget.allows('a')).toBe(false);
    now += 61_000;
    expect(budget.allows('a')).toBe(true);
  });
});
