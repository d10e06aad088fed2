import { downloadIdOf, FerryError, PRIORITIES } from '@ferry/kernel';
import { rounds, seed } from '@ferry/testing/specs';
import * as fc from 'fast-check';
import { downloadDecider, type DownloadCommand } from './download.decider';
import { DOWNLOAD_EVENT_TYPES, type DownloadEvent } from './download.events';

const ASSET_ID = '5d1c9a52-3a0b-5f64-9a57-0c7e1b2d3f40';
const ENDS = ['DownloadCompleted', 'DownloadFailed', 'DownloadCancelled'];
const REFUSALS = ['RUN_NOT_OPEN', 'STALE_EPOCH', 'ATTEMPT_OPEN', 'ATTEMPT_OUT_OF_ORDER', 'ATTEMPT_NOT_STARTED'];

const downloadId = fc.integer({ min: 1, max: 3 }).map((run) => downloadIdOf(ASSET_ID, run));
const transferId = fc.constantFrom('a-1', 'b-1', 'c-1');
const attempt = fc.integer({ min: 1, max: 2 });
const failure = { kind: fc.constant('timeout'), message: fc.constant('No byte came.') };
const content = { bytes: 10, sha256: 'a', mimeType: 'video/mp4', kind: 'video', durationMs: 1, nodeId: 'node-1' };

const data = {
  RequestDownload: fc.record({
    assetId: fc.constant(ASSET_ID),
    reason: fc.constantFrom('transfer', 'warm'),
    priority: fc.constantFrom(...PRIORITIES),
    transferId: fc.option(transferId, { nil: undefined }),
    followed: fc.option(downloadId, { nil: undefined }),
    claim: fc.constantFrom(undefined, { workerId: 'worker-a' }),
  }),
  LeaveDownload: fc.record({ transferId, ends: fc.constantFrom(undefined, 'warm') }),
  ClaimDownload: fc.record({ downloadId, workerId: fc.constant('worker-b'), fromEpoch: fc.nat(2) }),
  StartDownload: fc.record({ downloadId, attempt, epoch: attempt, source: fc.constant({ from: 'origin' }), nodeId: fc.constant('node-1') }),
  FailDownloadAttempt: fc.record({ downloadId, attempt, retryable: fc.boolean(), ...failure }),
  CompleteDownload: fc.record({ downloadId, attempt }).map((fields) => ({ ...fields, ...content })),
  FailDownload: fc.record({ downloadId, ...failure }),
  CancelDownload: fc.record({ downloadId }),
} satisfies Record<DownloadCommand['type'], fc.Arbitrary<object>>;

const types = Object.keys(data) as DownloadCommand['type'][];
const command = fc
  .constantFrom(...types, 'RequestDownload' as const, 'StartDownload' as const, 'StartDownload' as const)
  .chain((type) => data[type].map((fields) => ({ type, data: fields, metadata: { now: '2026-01-05T10:00:00.000Z' } }) as DownloadCommand));

/** The events of each decision, refused ones left out. */
const decisionsOf = (commands: readonly DownloadCommand[]): DownloadEvent[][] => {
  let state = downloadDecider.initialState();
  return commands.flatMap((each) => {
    try {
      const events = downloadDecider.decide(each, state);
      state = events.reduce(downloadDecider.evolve, state);
      return [events];
    } catch (error) {
      if (!(error instanceof FerryError) || !REFUSALS.includes(error.code)) throw error;
      return [];
    }
  });
};

const holdsFor = (check: (decisions: DownloadEvent[][]) => void): void =>
  fc.assert(
    fc.property(fc.array(command, { maxLength: 100, size: 'max' }), (commands) => check(decisionsOf(commands))),
    { seed: seed(), numRuns: rounds(400) },
  );

describe('any commands in any order', () => {
  it('reach every event type', () => {
    const seen = new Set<string>();
    holdsFor((decisions) => decisions.flat().forEach(({ type }) => seen.add(type)));
    expect([...seen].sort()).toEqual([...DOWNLOAD_EVENT_TYPES].sort());
  });

  it('never give an asset two open downloads, and make epochs and attempts grow by one', () => {
    holdsFor((decisions) => {
      let open: string | undefined;
      let epoch = 0;
      let tries = 0;
      for (const { type, data: fact } of decisions.flat()) {
        if (type === 'DownloadRequested') {
          expect(open).toBeUndefined();
          [open, epoch, tries] = [fact.downloadId, 0, 0];
        }
        expect(fact.downloadId).toBe(open);
        if (type === 'DownloadClaimed') expect(fact.epoch).toBe((epoch += 1));
        if (type === 'DownloadStarted') expect([fact.attempt, fact.epoch]).toEqual([(tries += 1), epoch]);
        if (ENDS.includes(type)) open = undefined;
      }
    });
  });

  it('leave no download for transfers that has lost its last follower', () => {
    holdsFor((decisions) => {
      let followers = new Set<string>();
      let reason = '';
      for (const events of decisions) {
        for (const event of events) {
          if (event.type === 'DownloadRequested') [followers, reason] = [new Set(), event.data.reason];
          if (event.type === 'DownloadJoined') followers.add(event.data.transferId);
          if (event.type === 'DownloadLeft') expect(followers.delete(event.data.transferId)).toBe(true);
        }
        const lostLast = followers.size === 0 && reason === 'transfer' && events.some(({ type }) => type === 'DownloadLeft');
        if (lostLast) expect(events.at(-1)?.type).toBe('DownloadCancelled');
      }
    });
  });
});
