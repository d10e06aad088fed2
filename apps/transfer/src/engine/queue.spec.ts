import type { DownloadEvent } from '@ferry/domain/download/events';
import type { TransferEvent } from '@ferry/domain/transfer/events';
import { FerryError, type RecordedEvent } from '@ferry/kernel';
import { TransferConfig } from '../transfer.config';
import { NotYet } from './not-yet';
import { OpenRuns, type OpenEntry } from './open-runs';
import { RunQueue } from './run-queue';
import { Slots, type Promised } from './slots';
import { Troubles } from './troubles';

const AT = '2026-11-22T12:00:00.000Z';
const recorded = (event: TransferEvent | DownloadEvent, created = AT) => ({ ...event, created, metadata: { owner: 'o' } }) as unknown as RecordedEvent;
const requested = (transferId: string, priority: 'resolve' | 'refresh' = 'refresh'): TransferEvent => ({
  type: 'TransferRequested',
  data: { transferId, assetId: 'a', providerId: 'p', accountId: 'c', variant: 'v', reason: 'resolve', priority },
});

describe('OpenRuns', () => {
  const folded = (...events: (TransferEvent | DownloadEvent)[]) => {
    const runs = new OpenRuns(() => undefined);
    for (const event of events) runs.apply(recorded(event));
    return runs;
  };
  const download: DownloadEvent = { type: 'DownloadRequested', data: { downloadId: 'd-1', reason: 'warm', priority: 'warm' } };
  const joined: DownloadEvent = { type: 'DownloadJoined', data: { downloadId: 'd-1', transferId: 't-1', priority: 'refresh' } };

  it('counts a download as the highest of its followers, raised ones too, and forgets those who left', () => {
    const priority = (...events: (TransferEvent | DownloadEvent)[]) => folded(requested('t-1'), download, ...events).get('d-1')?.priority;
    expect(priority()).toBe('warm');
    expect(priority(joined)).toBe('refresh');
    expect(priority(joined, { type: 'TransferRaised', data: { transferId: 't-1', priority: 'resolve' } })).toBe('resolve');
    expect(priority({ type: 'DownloadRaised', data: { downloadId: 'd-1', priority: 'capture' } }, joined)).toBe('refresh');
    expect(priority(joined, { type: 'DownloadRaised', data: { downloadId: 'd-1', priority: 'resolve' } })).toBe('resolve');
    expect(priority(joined, { type: 'DownloadLeft', data: { downloadId: 'd-1', transferId: 't-1' } })).toBe('warm');
  });

  it('knows the holder and the first failure, and nothing of what has ended', () => {
    const claimed: TransferEvent = { type: 'TransferClaimed', data: { transferId: 't-1', workerId: 'w', epoch: 2 } };
    const runs = folded(requested('t-1'), claimed, requested('t-2'), { type: 'TransferCancelled', data: { transferId: 't-2' } });
    runs.apply(recorded({ type: 'UploadFailed', data: { transferId: 't-1', attempt: 1, kind: 'timeout', retryable: true, message: '' } }, AT));
    runs.apply(recorded({ type: 'UploadFailed', data: { transferId: 't-1', attempt: 2, kind: 'timeout', retryable: true, message: '' } }, '2026-11-22T13:00:00.000Z'));
    expect([...runs.entries()]).toMatchObject([{ runId: 't-1', workerId: 'w', epoch: 2, failingSince: AT, requestedAt: AT }]);
  });

  it('is the same after a snapshot, as JSON', () => {
    const runs = folded(requested('t-1'), download, joined);
    const later = new OpenRuns(() => undefined);
    later.restore(JSON.parse(JSON.stringify(runs)) as object[]);
    for (const each of [runs, later]) each.apply(recorded({ type: 'TransferRaised', data: { transferId: 't-1', priority: 'resolve' } }));
    expect([...later.entries()]).toEqual([...runs.entries()]);
  });
});

describe('RunQueue', () => {
  const entry = (runId: string, more: Partial<OpenEntry> = {}): OpenEntry => ({ kind: 'transfer', runId, owner: 'o', priority: 'warm', epoch: 0, requestedAt: AT, ...more });

  it('offers what nobody holds, what is mine, and a silent worker’s when it is one', () => {
    const silent = new Set<string>();
    const queue = new RunQueue((workerId) => workerId === undefined || workerId === 'me' || silent.has(workerId));
    queue.put(entry('free'));
    queue.put(entry('mine', { workerId: 'me', priority: 'resolve' }));
    queue.put(entry('theirs', { workerId: 'other', priority: 'resolve' }));
    expect([queue.take('transfer')?.runId, queue.take('transfer')?.runId, queue.take('transfer')]).toEqual(['mine', 'free', undefined]);
    silent.add('other');
    queue.review();
    expect(queue.peek('transfer')?.runId).toBe('theirs');
    queue.put(entry('theirs', { workerId: 'third', epoch: 2 }));
    expect(queue.peek('transfer')).toBeUndefined();
  });

  it('tells how many wait and since when', () => {
    const queue = new RunQueue(() => true);
    queue.put(entry('a', { requestedAt: '2026-11-22T12:00:01.000Z' }));
    queue.put(entry('b', { kind: 'download', priority: 'resolve' }));
    queue.put(entry('c'));
    queue.remove('b');
    expect(queue.depth().filter(({ waiting }) => waiting)).toEqual([{ kind: 'transfer', priority: 'warm', waiting: 2 }]);
    expect([queue.oldest('transfer'), queue.oldest('download')]).toEqual([AT, undefined]);
  });

  it('takes runs out of 100,000 as fast as out of few: no step looks at all of them', () => {
    const queue = new RunQueue(() => true);
    for (let run = 0; run < 100_000; run += 1) queue.put(entry(`run-${run}`, { owner: `owner-${run % 10}` }));
    const owners = new Set(Array.from({ length: 10 }, () => queue.take('transfer')?.owner));
    expect(owners.size).toBe(10);
    let taken = 10;
    while (queue.take('transfer')) taken += 1;
    expect(taken).toBe(100_000);
  });
});

describe('Slots', () => {
  const slots = () => new Slots(Object.assign(new TransferConfig(), { TRANSFER_WORKERS: 3, TRANSFER_RESERVED_WORKERS: 1, TRANSFER_WAITING: 1 }), 'me');

  const told = (first: Promised) => Promise.resolve(first);

  it('keeps some for resolves, those promised to a first claim included', async () => {
    const places = slots();
    places.enter('a', 'transfer', false);
    expect(await places.claiming('transfer', 'warm', told)).toEqual({ claim: { workerId: 'me' } });
    expect([places.hasRoom('transfer', 'warm'), places.hasRoom('transfer', 'resolve'), places.hasRoom('download', 'warm')]).toEqual([false, true, true]);
    expect(await places.claiming('transfer', 'warm', told)).toEqual({});
    places.redeem('transfer');
    expect(places.hasRoom('transfer', 'warm')).toBe(true);
    places.close();
    expect(places.hasRoom('transfer', 'resolve')).toBe(false);
  });

  it('takes a promised place back at once where the append fails, and tells that there is room', async () => {
    const places = slots();
    let rooms = 0;
    places.listen(() => (rooms += 1));
    places.enter('a', 'transfer', false);
    const failing = places.claiming('transfer', 'warm', () => {
      expect(places.hasRoom('transfer', 'warm')).toBe(false);
      return Promise.reject(new Error('the event store is away'));
    });
    await expect(failing).rejects.toThrow('the event store is away');
    expect([places.hasRoom('transfer', 'warm'), rooms]).toEqual([true, 1]);
  });

  it('gives the place of one that waits to another, but not of too many', async () => {
    const places = slots();
    let rooms = 0;
    places.listen(() => (rooms += 1));
    for (const run of ['a', 'b', 'c']) places.enter(run, 'transfer', false);
    const ends: (() => void)[] = [];
    const waits = ['a', 'b'].map((run) => places.wait(run, () => new Promise<void>((end) => ends.push(end))));
    expect([rooms, places.mayWait, places.hasRoom('transfer', 'resolve')]).toEqual([1, false, true]);
    for (const end of ends) end();
    await Promise.all(waits);
    expect([places.mayWait, places.hasRoom('transfer', 'resolve')]).toEqual([true, false]);
    places.leave('a');
    expect([rooms, places.hasRoom('transfer', 'resolve')]).toEqual([2, true]);
  });
});

describe('Troubles', () => {
  const away = new FerryError('SERVICE_UNAVAILABLE', 'unavailable', 'Away.');
  const make = () => {
    const clock = { now: Date.parse(AT) };
    return { clock, troubles: new Troubles(60_000, () => clock.now) };
  };

  it('waits for what passes, as long as the budget, which a longer pause ends', () => {
    const { clock, troubles } = make();
    expect(troubles.met('r', away)).toEqual({ until: expect.any(String) });
    clock.now += 50_000;
    expect(troubles.met('r', away)).toEqual({ until: expect.any(String) });
    clock.now += 11_000;
    expect(troubles.met('r', away)).toEqual({ giveUp: { kind: 'unavailable', message: 'Away.' } });
    troubles.forget('r');
    const paused = (ms: number) => {
      const retryAfter = new Date(clock.now + ms).toISOString();
      return { retryAfter, error: new FerryError('THROTTLED', 'throttled', 'Later.', { key: 'k', retryAfter }) };
    };
    const short = paused(30_000);
    expect(troubles.met('r', short.error)).toEqual({ until: short.retryAfter, key: 'k' });
    const long = paused(61_000);
    expect(troubles.met('r', long.error)).toEqual({ giveUp: { kind: 'throttled', message: 'Later.', retryAfter: long.retryAfter } });
  });

  it('gives up what fails unexpectedly five times, and counts no mere waiting', () => {
    const { troubles } = make();
    for (let time = 0; time < 4; time += 1) expect(troubles.met('r', new Error('bug'))).toEqual({ until: expect.any(String) });
    expect(troubles.met('r', new NotYet(AT, 'Later.', 'k'))).toEqual({ until: AT, key: 'k' });
    expect(troubles.met('r', new Error('bug'))).toMatchObject({ giveUp: { kind: 'internal' } });
  });
});
