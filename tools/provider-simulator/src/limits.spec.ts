import { Limits } from './limits';

const RATE = 4_000_000;
/** Milliseconds that go through at once: the burst, and the last step. */
const AT_ONCE_MS = 70;

describe('the limits of the provider simulator', () => {
  const limits = new Limits(['one', 'two']);
  afterEach(() => limits.clear());

  async function* pieces(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; left -= 1) yield Buffer.alloc(10_000);
  }
  const through = async (direction: 'in' | 'out', count: number, provider = 'one'): Promise<number> => {
    let bytes = 0;
    for await (const piece of limits.pace(provider, direction, pieces(count), AbortSignal.timeout(30_000))) bytes += piece.length;
    return bytes;
  };
  const taking = async (work: () => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await work();
    return performance.now() - started;
  };

  it('lets through all bytes, and no more than the rate, whoever sends them', async () => {
    limits.set({ provider: 'one', bytesPerSecondIn: RATE });
    const ms = await taking(async () => expect(await Promise.all([through('in', 60), through('in', 60)])).toEqual([600_000, 600_000]));
    expect(ms).toBeGreaterThan((1_200_000 / RATE) * 1_000 - AT_ONCE_MS);
  });

  it('gives a line that was idle no more than the burst', async () => {
    limits.set({ provider: 'one', bytesPerSecondOut: RATE });
    limits.set({ provider: 'two', bytesPerSecondIn: RATE });
    // Meanwhile it is idle.
    await through('in', 120, 'two');
    expect(await taking(() => through('out', 80))).toBeGreaterThan((800_000 / RATE) * 1_000 - AT_ONCE_MS);
  });

  it('is for one vendor and one direction', async () => {
    limits.set({ provider: 'one', bytesPerSecondIn: 1 });
    expect([await through('out', 200), await through('in', 200, 'two')]).toEqual([2_000_000, 2_000_000]);
  });

  it.each([{ provider: 'three' }, { provider: 'one', bytesPerSecondIn: 0 }, { provider: 'one', bytesPerSecond: 5 }])('refuses %j', (limit) => {
    expect(() => limits.set(limit)).toThrow(/Known: |above 0/);
  });
});
