import { RateMeter } from './rate-meter';

describe('a rate', () => {
  it('is 0 before the first byte, then what came since the last reading', () => {
    const meter = new RateMeter(0);
    expect(meter.read(0, 5_000)).toBe(0);
    expect(meter.read(1_000, 5_250)).toBe(4_000);
  });

  it('follows a change of speed smoothly, and a standstill', () => {
    const meter = new RateMeter(0);
    let bytes = 0;
    let now = 0;
    const run = (perSecond: number, ms: number) => {
      let rate = 0;
      for (const end = now + ms; now < end; ) rate = meter.read((bytes += perSecond / 4), (now += 250));
      return rate;
    };
    expect(run(1_000, 5_000)).toBeCloseTo(1_000);
    const soon = run(3_000, 1_000);
    expect(soon).toBeGreaterThan(1_500);
    expect(soon).toBeLessThan(2_500);
    expect(run(3_000, 20_000)).toBeCloseTo(3_000, -1);
    expect(run(0, 20_000)).toBeLessThan(1);
  });
});
