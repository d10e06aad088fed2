import '../expressions/arithmetic';
import { doc, int } from '../bson/values';
import { compileGroup } from './group';

const context = { environment: { now: new Date(0), variables: new Map() }, collection: () => undefined };
const rows = Array.from({ length: 100 }, (_, n) => doc({ _id: int(n), text: 'x'.repeat(100) }));
const run = (id: string | null, all: string, maxBytes: number) =>
  [...compileGroup(doc({ _id: id, all: doc({ [all]: '$text' }) }), new Set(), maxBytes)(rows, context)];

describe('the memory of $group', () => {
  it.each([['groups', '$_id', '$first'], ['values that are kept', null, '$push']])('has a bound for %s', (_, id, accumulator) => {
    expect(() => run(id, accumulator, 10_000)).toThrow(expect.objectContaining({ code: 292 }));
    expect(run(id, accumulator, 100_000)).toHaveLength(id === null ? 1 : rows.length);
  });

  it('is not taken by values that are only looked at', () => {
    expect(run(null, '$first', 1000)).toHaveLength(1);
  });
});
