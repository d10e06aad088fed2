import { FerryError, fold, fromPosition, idInStream, isFerryErrorJson, PRIORITIES, priorityRank, START_POSITION, toPosition, unreachable } from './index';

describe('positions', () => {
  it('compare as strings like the numbers they are', () => {
    const positions = [10n, 9n, 0n, 2n ** 63n].map(toPosition);
    expect([...positions].sort().map(fromPosition)).toEqual([0n, 9n, 10n, 2n ** 63n]);
    expect(positions.every(({ length }) => length === 20)).toBe(true);
    expect(START_POSITION).toBe('00000000000000000000');
  });
});

describe('FerryError', () => {
  it('crosses processes as JSON', () => {
    const error = new FerryError('CACHE_FULL', 'no-space', 'Delete something.', { bytes: 1 });
    const crossed: unknown = JSON.parse(JSON.stringify(error));
    expect(crossed).toEqual({ code: 'CACHE_FULL', category: 'no-space', message: 'Delete something.', details: { bytes: 1 } });
    expect(isFerryErrorJson(crossed)).toBe(true);
    expect(new FerryError('X', 'invalid', 'x').toJSON()).not.toHaveProperty('details');
  });

  it.each([undefined, null, 'text', {}, { code: 'X' }, { code: 'X', category: 'invalid' }, { code: 1, category: 'invalid', message: 'x' }])(
    'is not %j',
    (value) => {
      expect(isFerryErrorJson(value)).toBe(false);
    },
  );
});

describe('the rest', () => {
  it('fold goes through a history in order', () => {
    const decider = { initialState: () => '', evolve: (state: string, { type }: { type: string; data: object }) => state + type };
    expect(fold(decider, [{ type: 'A', data: {} }, { type: 'B', data: {} }])).toBe('AB');
  });

  it('idInStream knows its own category only', () => {
    expect(idInStream('asset-', 'asset-942b702a-7a12')).toBe('942b702a-7a12');
    expect(idInStream('asset-', 'access-node-1')).toBeUndefined();
  });

  it('a resolve is the most urgent, a warm-up the least', () => {
    expect(PRIORITIES.map(priorityRank)).toEqual([0, 1, 2, 3, 4]);
    expect(priorityRank('resolve')).toBeGreaterThan(priorityRank('refresh'));
    expect(priorityRank('refresh')).toBeGreaterThan(priorityRank('evacuate'));
    expect(priorityRank('capture')).toBeGreaterThan(priorityRank('warm'));
  });

  it('an unhandled case is an internal error', () => {
    expect(() => unreachable({ type: 'New' } as never)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});
