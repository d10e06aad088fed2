import { LARGE_BYTES, SendBuffers } from './send-buffers';

const LONG = 10 * LARGE_BYTES;

describe('the buffers of answers', () => {
  it('are large for so many at a time, and small for all others', () => {
    const buffers = new SendBuffers(2, 1);
    const taken = [1, 2, 3].map(() => buffers.take(LONG));
    expect(taken.map(({ length }) => length === LARGE_BYTES)).toEqual([true, true, false]);
    expect(taken[2]!.length).toBeLessThan(LARGE_BYTES / 8);
    taken.forEach((buffer) => buffers.giveBack(buffer, true));
    expect([buffers.take(LONG), buffers.take(LONG)].map(({ length }) => length)).toEqual([LARGE_BYTES, LARGE_BYTES]);
  });

  it('are not larger than a short answer needs', () => {
    expect(new SendBuffers(2, 1).take(1_000).length).toBe(1_000);
  });

  it('are used again, except those that something may still be read into', () => {
    const buffers = new SendBuffers(1, 1);
    const [first] = [buffers.take(LONG)];
    buffers.giveBack(first, true);
    const second = buffers.take(LONG);
    expect(second).toBe(first);
    buffers.giveBack(second, false);
    expect(buffers.take(LONG)).not.toBe(first);
  });
});
