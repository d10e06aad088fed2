import { laterReads } from './later-reads';

describe('reads for a crowd', () => {
  const gate = () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { open, opened };
  };

  it('begin after the question of everybody who shares them', async () => {
    const reads = laterReads<number>();
    const gates = [gate(), gate()];
    let begun = 0;
    const read = async () => {
      const mine = begun++;
      await gates[mine]!.opened;
      return mine;
    };
    const first = reads('a', read);
    const others = Promise.all([reads('a', read), reads('a', read)]);
    expect(begun).toBe(1);
    gates[0]!.open();
    expect(await first).toBe(0);
    gates[1]!.open();
    expect(await others).toEqual([1, 1]);
    expect(begun).toBe(2);
  });

  it('go on after one that failed, and keep nothing', async () => {
    const reads = laterReads<number>();
    const failed = reads('a', () => Promise.reject(new Error('away')));
    const next = reads('a', async () => 2);
    await expect(failed).rejects.toThrow('away');
    expect(await next).toBe(2);
    expect(await reads('a', async () => 3)).toBe(3);
  });
});
