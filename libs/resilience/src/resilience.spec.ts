import { eventually } from '@ferry/testing/specs';
import { backoff, Breakers, serially, singleflight, withDeadline } from './index';

/** A promise that the test settles. */
const controlled = <T>() => {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};

describe('backoff', () => {
  it('is a random share of a bound that doubles up to its end', () => {
    const most = (attempt: number) => backoff(attempt, { baseMs: 100, maxMs: 1_000 }, () => 1);
    expect([1, 2, 3, 4, 5, 60].map(most)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect(backoff(3, { baseMs: 100, maxMs: 1_000 }, () => 0.5)).toBe(200);
    expect(backoff(9, { baseMs: 100, maxMs: 1_000 }, () => 0)).toBe(0);
  });
});

describe('withDeadline', () => {
  it('gives the result, or the error, of work that is in time', async () => {
    await expect(withDeadline(Promise.resolve(1), 1_000, 'work')).resolves.toBe(1);
    await expect(withDeadline(Promise.reject(new Error('broken')), 1_000, 'work')).rejects.toThrow('broken');
  });

  it('gives up on work that is not', async () => {
    await expect(withDeadline(new Promise(() => {}), 5, 'work')).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', category: 'timeout' });
  });
});

describe('singleflight', () => {
  it('shares one run per key, and runs again after its end or failure', async () => {
    const once = singleflight<number>();
    const gate = controlled<number>();
    let runs = 0;
    const work = () => {
      runs += 1;
      return gate.promise;
    };
    const both = Promise.all([once('a', work), once('a', work)]);
    gate.resolve(7);
    expect(await both).toEqual([7, 7]);
    expect(runs).toBe(1);
    await expect(once('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await once('a', () => Promise.resolve(8))).toBe(8);
  });
});

describe('serially', () => {
  it('runs work of one key in turn, also after a failure, and keys beside each other', async () => {
    const inTurn = serially();
    const gate = controlled<void>();
    const log: string[] = [];
    const first = inTurn('a', () => gate.promise.then(() => log.push('first')));
    const second = inTurn('a', async () => log.push('second'));
    await inTurn('b', async () => log.push('other key'));
    gate.reject(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    await second;
    expect(log).toEqual(['other key', 'second']);
  });
});

describe('Breakers', () => {
  const make = () => new Breakers({ resetMs: 60_000, errorThresholdPercentage: 50, volumeThreshold: 2, timeoutMs: false });
  const fault = new Error('fault');
  const fails = () => Promise.reject(fault);

  it('opens after repeated faults, for that key alone', async () => {
    const breakers = make();
    for (let call = 0; call < 2; call += 1) await expect(breakers.run('a', fails, () => true)).rejects.toBe(fault);
    await expect(breakers.run('a', () => Promise.resolve(1), () => true)).rejects.toMatchObject({ code: 'BREAKER_OPEN', details: { key: 'a', retryAfter: expect.stringMatching(/^20.*Z$/) } });
    await expect(breakers.run('b', () => Promise.resolve(1), () => true)).resolves.toBe(1);
    breakers.close();
  });

  it('refuses the others in the same way while its one probe is under way', async () => {
    const breakers = new Breakers({ resetMs: 1, errorThresholdPercentage: 50, volumeThreshold: 2, timeoutMs: false });
    for (let call = 0; call < 2; call += 1) await expect(breakers.run('a', fails, () => true)).rejects.toBe(fault);
    const gate = controlled<number>();
    const started = controlled<void>();
    const probe = () => {
      started.resolve();
      return gate.promise;
    };
    let probing: Promise<number> | undefined;
    await eventually(async () => {
      probing = breakers.run('a', probe, () => true);
      await Promise.race([started.promise, probing]);
    });
    await expect(breakers.run('a', () => Promise.resolve(1), () => true)).rejects.toMatchObject({ code: 'BREAKER_OPEN' });
    gate.resolve(2);
    await expect(probing).resolves.toBe(2);
    await expect(breakers.run('a', () => Promise.resolve(3), () => true)).resolves.toBe(3);
    breakers.close();
  });

  it('lets errors pass that are no faults', async () => {
    const breakers = make();
    for (let call = 0; call < 5; call += 1) await expect(breakers.run('a', fails, () => false)).rejects.toBe(fault);
    await expect(breakers.run('a', () => Promise.resolve(1), () => false)).resolves.toBe(1);
    breakers.close();
  });
});
