import { eventually } from '@ferry/testing/specs';
import { backoff, Breakers, serially, singleflight, withDeadline, type Evidence } from './index';

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
  const open: Breakers[] = [];
  const make = (resetMs: number, volumeThreshold = 2) => {
    const breakers = new Breakers({ resetMs, errorThresholdPercentage: 50, volumeThreshold });
    open.push(breakers);
    return breakers;
  };
  const stateOf = (breakers: Breakers) => breakers.states().find(({ key }) => key === 'a')?.state;
  const says = (evidence: Evidence) => evidence;
  const call = (breakers: Breakers, evidence: Evidence) => breakers.run('a', () => Promise.resolve(evidence), says);
  const sick = async (breakers: Breakers) => {
    for (let calls = 0; calls < 2; calls += 1) await call(breakers, 'fault');
  };
  const halfOpen = (breakers: Breakers) => eventually(() => expect(stateOf(breakers)).toBe('half-open'));

  afterEach(() => {
    for (const breakers of open.splice(0)) breakers.close();
  });

  it('opens after repeated faults, for that key alone', async () => {
    const breakers = make(60_000);
    await sick(breakers);
    await expect(call(breakers, 'answers')).rejects.toMatchObject({ code: 'BREAKER_OPEN', details: { key: 'a', retryAfter: expect.stringMatching(/^20.*Z$/) } });
    await expect(breakers.run('b', () => Promise.resolve(1), () => 'answers')).resolves.toBe(1);
  });

  it('refuses the others in the same way while its one probe is under way, and closes when the provider answers', async () => {
    const breakers = make(1);
    await sick(breakers);
    await halfOpen(breakers);
    const gate = controlled<Evidence>();
    const probing = breakers.run('a', () => gate.promise, says);
    await expect(call(breakers, 'answers')).rejects.toMatchObject({ code: 'BREAKER_OPEN' });
    gate.resolve('answers');
    await expect(probing).resolves.toBe('answers');
    expect(stateOf(breakers)).toBe('closed');
    await expect(call(breakers, 'answers')).resolves.toBe('answers');
  });

  it('opens again after a probe that met a fault', async () => {
    const breakers = make(1);
    await sick(breakers);
    await halfOpen(breakers);
    await call(breakers, 'fault');
    expect(stateOf(breakers)).toBe('open');
  });

  it('lets the next call probe after one that said nothing of the provider, or threw', async () => {
    const breakers = make(1);
    await sick(breakers);
    await halfOpen(breakers);
    await call(breakers, undefined);
    const broken = new Error('broken');
    await expect(breakers.run('a', () => Promise.reject(broken), says)).rejects.toBe(broken);
    expect(stateOf(breakers)).toBe('half-open');
    await call(breakers, 'answers');
    expect(stateOf(breakers)).toBe('closed');
  });

  it('takes no answer to a call from before for the probe’s', async () => {
    const breakers = make(1);
    const gate = controlled<Evidence>();
    const early = breakers.run('a', () => gate.promise, says);
    await sick(breakers);
    await halfOpen(breakers);
    gate.resolve('answers');
    await early;
    expect(stateOf(breakers)).toBe('half-open');
  });

  it('counts the calls that say something of the provider, and no others', async () => {
    const breakers = make(60_000, 3);
    for (let calls = 0; calls < 20; calls += 1) await call(breakers, undefined);
    await call(breakers, 'answers');
    await sick(breakers);
    expect(stateOf(breakers)).toBe('open');
  });
});
