import { FerryError } from '@ferry/kernel';
import { FreshAnswers } from './fresh-answers';

describe('answers that are kept for a short while', () => {
  let now = 0;
  let asked: string[] = [];
  let answer: (key: string) => Promise<string>;
  let answers: FreshAnswers<string>;

  beforeEach(() => {
    now = 0;
    asked = [];
    answer = async (key) => `${key}@${now}`;
    answers = new FreshAnswers({ forMs: 5_000, renewAfterMs: 2_000, capacity: 2, clock: () => now }, (key) => {
      asked.push(key);
      return answer(key);
    });
  });
  afterEach(() => answers.close());

  it('are asked for once by many, and counted from the question', async () => {
    let told: (text: string) => void = () => undefined;
    answer = () => new Promise((resolve) => (told = resolve));
    const both = Promise.all([answers.get('a'), answers.get('a')]);
    now = 4_000;
    told('yes');
    expect(await both).toEqual(['yes', 'yes']);
    expect(asked).toEqual(['a']);
    now = 4_999;
    expect(answers.peek('a')).toBe('yes');
    now = 5_000;
    expect(answers.peek('a')).toBeUndefined();
  });

  it('are renewed while they are in use, and not after', async () => {
    await answers.get('a');
    for (now = 1_000; now <= 20_000; now += 1_000) {
      expect(answers.peek('a')).toBeDefined();
      await answers.renew();
      await answers.get('a');
    }
    expect(asked.length).toBeGreaterThanOrEqual(6);
    const before = asked.length;
    now += 60_000;
    await answers.renew();
    expect(asked).toHaveLength(before);
  });

  it('end with a refusal at once, and with silence when they are too old', async () => {
    await answers.get('a');
    await answers.get('b');
    now = 2_000;
    answer = async (key) => {
      throw key === 'a' ? new FerryError('UNKNOWN_ACCOUNT', 'not-found', '') : new FerryError('PROVIDER_UNAVAILABLE', 'unavailable', '');
    };
    await answers.renew();
    await expect(answers.get('a')).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    expect(answers.peek('b')).toBe('b@0');
    now = 5_000;
    await expect(answers.get('b')).rejects.toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
  });

  it('are bounded', async () => {
    for (const key of ['a', 'b', 'c']) await answers.get(key);
    expect(['a', 'b', 'c'].map((key) => answers.peek(key))).toEqual([undefined, 'b@0', 'c@0']);
  });
});
