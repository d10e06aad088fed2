import { priorityRank } from '@ferry/kernel';
import type { OpenEntry } from './open-runs';
import { Parking } from './parking';

const LATER = new Date(Date.now() + 3_000_000).toISOString();
const entry = (runId: string, more: Partial<OpenEntry> = {}): OpenEntry => ({ kind: 'download', runId, owner: runId[0]!, priority: 'warm', epoch: 1, requestedAt: LATER, ...more });

describe('Parking', () => {
  const woken: string[] = [];
  const parking = new Parking((runId, key) => woken.push(`${runId} ${key}`));

  afterEach(() => {
    parking.close();
    woken.length = 0;
  });

  it('wakes those that wait for room at a key by owners in turn', () => {
    const runs = ['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'b3', 'b4', 'b5'];
    for (const runId of runs) parking.park(entry(runId), 1, LATER, 'k');
    for (let room = 0; room < runs.length; room += 1) parking.room('k', 0);
    expect(woken).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4', 'a5', 'b5'].map((runId) => `${runId} k`));
    expect([parking.size, [...parking.keys()]]).toEqual([0, []]);
  });

  it('wakes nobody where the room is for more urgent ones', () => {
    parking.park(entry('a1'), 1, LATER, 'k');
    parking.room('k', 1);
    expect(woken).toEqual([]);
    parking.park(entry('b1', { priority: 'resolve' }), 1, LATER, 'k');
    for (let room = 0; room < 2; room += 1) parking.room('k', 1);
    expect(woken).toEqual(['b1 k']);
  });

  it('wakes who became more urgent, where it waits for room, and nobody else', () => {
    parking.park(entry('a1'), 1, LATER, 'k');
    parking.park(entry('b1', { priority: 'resolve' }), 1, LATER, 'k');
    parking.park(entry('c1'), 1, LATER);
    for (const runId of ['a1', 'b1', 'c1', 'd1']) parking.raise(runId, priorityRank('resolve'));
    expect(woken).toEqual(['a1 k']);
    expect(parking.size).toBe(2);
  });
});
