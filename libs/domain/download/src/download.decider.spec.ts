import { downloadIdOf } from '@ferry/kernel';
import { deciderSpec } from '@ferry/testing/specs';
import { downloadDecider, type DownloadCommand, type RequestDownload } from './download.decider';
import type { DownloadEvent, DownloadReason } from './download.events';
import { isOpenDownload, priorityOf, type DownloadState } from './download.state';

const { given } = deciderSpec(downloadDecider);

const ASSET_ID = '5d1c9a52-3a0b-5f64-9a57-0c7e1b2d3f40';
const RUN_1 = downloadIdOf(ASSET_ID, 1);
const RUN_2 = downloadIdOf(ASSET_ID, 2);
const CONTENT = { bytes: 10, sha256: 'a'.repeat(64), mimeType: 'video/mp4', kind: 'video', durationSeconds: 3, durationMs: 812, nodeId: 'node-1' } as const;

type CommandOf<T extends DownloadCommand['type']> = Extract<DownloadCommand, { type: T }>;
const command = <T extends DownloadCommand['type']>(type: T, data: CommandOf<T>['data']) =>
  ({ type, data, metadata: { now: '2026-01-05T10:00:00.000Z' } }) as CommandOf<T>;

const request = (data: Partial<RequestDownload['data']> = {}) =>
  command('RequestDownload', { assetId: ASSET_ID, reason: 'transfer', priority: 'resolve', ...data });
const start = (epoch: number, attempt: number) =>
  command('StartDownload', { downloadId: RUN_1, epoch, attempt, source: { from: 'origin' }, nodeId: 'node-1' });
const complete = (attempt = 1) => command('CompleteDownload', { downloadId: RUN_1, attempt, ...CONTENT });

const requested = (downloadId = RUN_1, reason: DownloadReason = 'transfer'): DownloadEvent => ({
  type: 'DownloadRequested',
  data: { downloadId, reason, priority: 'resolve' },
});
const joined = (transferId = 'a-1', downloadId = RUN_1): DownloadEvent => ({ type: 'DownloadJoined', data: { downloadId, transferId, priority: 'resolve' } });
const left = (transferId = 'a-1'): DownloadEvent => ({ type: 'DownloadLeft', data: { downloadId: RUN_1, transferId } });
const claimed = (epoch = 1): DownloadEvent => ({ type: 'DownloadClaimed', data: { downloadId: RUN_1, workerId: 'worker-a', epoch } });
const started = (attempt = 1, epoch = 1): DownloadEvent => ({
  type: 'DownloadStarted',
  data: { downloadId: RUN_1, epoch, attempt, source: { from: 'origin' }, nodeId: 'node-1' },
});
const attemptFailed: DownloadEvent = {
  type: 'DownloadAttemptFailed',
  data: { downloadId: RUN_1, attempt: 1, kind: 'timeout', retryable: true, message: 'No byte came.' },
};
const completed: DownloadEvent = { type: 'DownloadCompleted', data: { downloadId: RUN_1, attempt: 1, ...CONTENT } };
const cancelled: DownloadEvent = { type: 'DownloadCancelled', data: { downloadId: RUN_1 } };
const failed: DownloadEvent = { type: 'DownloadFailed', data: { downloadId: RUN_1, kind: 'not-found', message: 'It answered 404.' } };

const claimedRun = [requested(), joined(), claimed()];
const downloading = [...claimedRun, started()];

const openRun = ({ run }: DownloadState) => {
  if (!isOpenDownload(run)) throw new Error('no open run');
  return run;
};

describe('RequestDownload', () => {
  it('opens a run, with its follower and claim in the same decision', () => {
    given().when(request({ reason: 'warm' })).then(requested(RUN_1, 'warm'));
    given()
      .when(request({ transferId: 'a-1', claim: { workerId: 'worker-a' } }))
      .then(...claimedRun);
  });

  it('lets another transfer join the open run, once', () => {
    given(...downloading).when(request({ transferId: 'b-1', claim: { workerId: 'worker-b' } })).then(joined('b-1'));
    given(...downloading).when(request({ transferId: 'a-1' })).thenNothing();
    given(...downloading).when(request({ reason: 'warm' })).thenNothing();
  });

  it('raises an open run that is less urgent, for good', () => {
    const low: DownloadEvent = { type: 'DownloadRequested', data: { downloadId: RUN_1, reason: 'capture', priority: 'capture' } };
    const raised: DownloadEvent = { type: 'DownloadRaised', data: { downloadId: RUN_1, priority: 'resolve' } };
    given(low).when(request({ reason: 'capture', priority: 'warm' })).thenNothing();
    given(low).when(request({ reason: 'capture', priority: 'resolve' })).then(raised);
    given(low, raised).when(request({ reason: 'capture', priority: 'resolve' })).thenNothing();
    expect(priorityOf(openRun(given(low, joined(), left(), raised).state))).toBe('resolve');
  });

  it('lets one that left come back', () => {
    given(...downloading, joined('b-1'), left()).when(request({ transferId: 'a-1' })).then(joined());
  });

  it.each([completed, failed, cancelled])('opens the next run after $type', (end) => {
    given(...downloading, end).when(request({ transferId: 'a-1' })).then(requested(RUN_2), joined('a-1', RUN_2));
  });

  it('begins none in the place of one that failed under its follower', () => {
    given(...downloading, failed).when(request({ transferId: 'a-1', followed: RUN_1 })).thenNothing();
    given(...downloading, joined('b-1')).when(request({ transferId: 'a-1', followed: RUN_1 })).thenNothing();
    given(...downloading, cancelled).when(request({ transferId: 'a-1', followed: RUN_1 })).then(requested(RUN_2), joined('a-1', RUN_2));
    const second = [...downloading, failed, requested(RUN_2, 'warm')];
    given(...second).when(request({ transferId: 'a-1', followed: RUN_1 })).then(joined('a-1', RUN_2));
  });

  it('counts the followers for the priority', () => {
    const warm: DownloadEvent = { type: 'DownloadRequested', data: { downloadId: RUN_1, reason: 'warm', priority: 'warm' } };
    expect(priorityOf(openRun(given(warm).state))).toBe('warm');
    const state = given(warm).when(request({ transferId: 'a-1', priority: 'resolve' })).then(joined());
    expect(priorityOf(openRun(state))).toBe('resolve');
    expect(priorityOf(openRun(given(warm, joined(), left()).state))).toBe('warm');
  });
});

describe('LeaveDownload', () => {
  const leave = command('LeaveDownload', { transferId: 'a-1' });
  const leaveFor = (ends: DownloadReason) => command('LeaveDownload', { transferId: 'a-1', ends });

  it('leaves the run to the others', () => {
    given(...downloading, joined('b-1')).when(leave).then(left());
  });

  it('ends a run that was for transfers only with the last of them', () => {
    given(...downloading).when(leave).then(left(), cancelled);
  });

  it('leaves a run that has another reason', () => {
    given(requested(RUN_1, 'warm'), joined()).when(leave).then(left());
    given(requested(RUN_1, 'capture'), joined()).when(leaveFor('warm')).then(left());
    given(requested(RUN_1, 'warm'), joined('b-1'), joined()).when(leaveFor('warm')).then(left());
    given(requested(RUN_1, 'warm'), joined()).when(leaveFor('warm')).then(left(), cancelled);
  });

  it('is quiet where it does not follow', () => {
    given(...downloading, joined('b-1'), left()).when(leave).thenNothing();
    given(...downloading, completed).when(leave).thenNothing();
    given().when(leave).thenNothing();
  });
});

describe('ClaimDownload', () => {
  const claim = (fromEpoch: number) => command('ClaimDownload', { downloadId: RUN_1, workerId: 'worker-a', fromEpoch });

  it('takes a run from the epoch that was seen, and keeps its attempt open', () => {
    given(requested()).when(claim(0)).then(claimed(1));
    const { run } = given(...downloading).when(claim(1)).then(claimed(2));
    expect(run).toMatchObject({ status: 'downloading', epoch: 2, startedEpoch: 1 });
  });

  it('is quiet where another was quicker, or the run is over', () => {
    given(...downloading).when(claim(0)).thenNothing();
    given(...downloading, completed).when(claim(1)).thenNothing();
  });
});

describe('StartDownload', () => {
  it('starts the next attempt', () => {
    given(...claimedRun).when(start(1, 1)).then(started());
    given(...downloading, attemptFailed).when(start(1, 2)).then(started(2));
  });

  it('is quiet about the attempt that this epoch has open', () => {
    given(...downloading).when(start(1, 1)).thenNothing();
  });

  it('refuses what would make two downloads', () => {
    given(requested()).when(start(0, 1)).thenRefused('STALE_EPOCH');
    given(...claimedRun, claimed(2)).when(start(1, 1)).thenRefused('STALE_EPOCH', { downloadId: RUN_1, epoch: 2 });
    given(...downloading).when(start(1, 2)).thenRefused('ATTEMPT_OPEN');
    given(...downloading, claimed(2)).when(start(2, 1)).thenRefused('ATTEMPT_OPEN');
    given(...claimedRun).when(start(1, 2)).thenRefused('ATTEMPT_OUT_OF_ORDER');
    given(...downloading, attemptFailed).when(start(1, 1)).thenRefused('ATTEMPT_OUT_OF_ORDER');
    given(...downloading, cancelled).when(start(1, 2)).thenRefused('RUN_NOT_OPEN');
  });
});

describe('FailDownloadAttempt', () => {
  const fail = command('FailDownloadAttempt', { downloadId: RUN_1, attempt: 1, kind: 'timeout', retryable: true, message: 'No byte came.' });

  it('waits for the next attempt', () => {
    const { run } = given(...downloading).when(fail).then(attemptFailed);
    expect(run).toMatchObject({ status: 'waiting', followers: [{ transferId: 'a-1', priority: 'resolve' }] });
  });

  it('is quiet where it is repeated or late', () => {
    given(...downloading, attemptFailed).when(fail).thenNothing();
    given(...downloading, attemptFailed, started(2)).when(fail).thenNothing();
    given(...downloading, completed).when(fail).thenNothing();
  });

  it('is quiet where its worker has lost the run', () => {
    const of = (epoch: number) => command('FailDownloadAttempt', { ...fail.data, epoch });
    given(...downloading).when(of(1)).then(attemptFailed);
    given(...downloading).when(of(7)).thenNothing();
  });
});

describe('CompleteDownload', () => {
  it('ends the run with what the bytes are', () => {
    const { run } = given(...downloading).when(complete()).then(completed);
    expect(run).toMatchObject({ status: 'completed', content: CONTENT });
  });

  it('is quiet where it is repeated or late', () => {
    given(...downloading, completed).when(complete()).thenNothing();
    given(...downloading, attemptFailed).when(complete()).thenNothing();
    given(...downloading, attemptFailed, started(2)).when(complete()).thenNothing();
    given(...downloading, cancelled, requested(RUN_2)).when(complete()).thenNothing();
  });

  it('refuses an attempt that was never started', () => {
    given(...claimedRun).when(complete()).thenRefused('ATTEMPT_NOT_STARTED');
    given(...downloading).when(complete(2)).thenRefused('ATTEMPT_NOT_STARTED', { downloadId: RUN_1, attempt: 2 });
  });
});

describe('FailDownload and CancelDownload', () => {
  const fail = command('FailDownload', { downloadId: RUN_1, kind: 'not-found', message: 'It answered 404.' });
  const cancel = command('CancelDownload', { downloadId: RUN_1 });

  it('end an open run', () => {
    given(...downloading).when(fail).then(failed);
    given(...downloading, attemptFailed).when(cancel).then(cancelled);
  });

  it('a failure is quiet where its worker has lost the run', () => {
    given(...downloading).when(command('FailDownload', { ...fail.data, epoch: 1 })).then(failed);
    given(...downloading).when(command('FailDownload', { ...fail.data, epoch: 7 })).thenNothing();
  });

  it('are quiet where the run is over or another', () => {
    for (const end of [fail, cancel]) {
      given(...downloading, completed).when(end).thenNothing();
      given(...downloading, completed, requested(RUN_2)).when(end).thenNothing();
      given().when(end).thenNothing();
    }
  });
});
