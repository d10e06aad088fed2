import { deciderSpec } from '@ferry/testing/specs';
import {
  accepted,
  attemptFailed,
  cached,
  cancelled,
  claimed,
  command,
  complete,
  completed,
  FORMS,
  NOW,
  ready,
  release,
  released,
  requested,
  route,
  RUN_1,
  RUN_2,
  start,
  started,
  uploading,
} from './__examples__/transfer.examples';
import { transferDecider } from './transfer.decider';
import { SOURCE_BROKEN, type TransferEvent } from './transfer.events';

const { given } = deciderSpec(transferDecider);

describe('StartUpload', () => {
  it('starts the next attempt', () => {
    given(requested(), claimed()).when(start(1, 1)).then(started());
    given(...uploading, attemptFailed).when(start(1, 2)).then(started(2));
  });

  it('says which download it follows', () => {
    const follows = { downloadId: `${route.assetId}-1`, attempt: 2 };
    const state = given(requested(), claimed()).when(command('StartUpload', { transferId: RUN_1, epoch: 1, attempt: 1, follows })).then({
      type: 'UploadStarted',
      data: { transferId: RUN_1, epoch: 1, attempt: 1, follows },
    });
    expect(state.run).toMatchObject({ status: 'uploading', follows });
  });

  it('counts the attempts whose bytes broke off on their way', () => {
    const broken = (attempt: number): TransferEvent => ({
      type: 'UploadFailed',
      data: { transferId: RUN_1, attempt, kind: SOURCE_BROKEN, retryable: true, message: 'It broke off.' },
    });
    const state = given(...uploading, broken(1), started(2), attemptFailed).when(start(1, 3)).then(started(3));
    expect(state.run).toMatchObject({ attempt: 3, sourceBroken: 1 });
    expect(given(...uploading, broken(1), started(2), broken(2)).state.run).toMatchObject({ sourceBroken: 2 });
  });

  it('remembers the download that broke an attempt off, and no other', () => {
    const follows = { downloadId: `${route.assetId}-1`, attempt: 2 };
    const following: TransferEvent = { type: 'UploadStarted', data: { transferId: RUN_1, epoch: 1, attempt: 1, follows } };
    const failedAs = (kind: string): TransferEvent => ({ type: 'UploadFailed', data: { transferId: RUN_1, attempt: 1, kind, retryable: true, message: 'It broke off.' } });
    const after = (kind: string) => given(requested(), claimed(), following, failedAs(kind)).state.run;
    expect(after(SOURCE_BROKEN)).toMatchObject({ status: 'waiting', followed: follows.downloadId });
    expect(after('timeout')).not.toHaveProperty('followed');
  });

  it('is quiet about the attempt that this epoch has open', () => {
    given(...uploading).when(start(1, 1)).thenNothing();
    given(...ready).when(start(1, 1)).thenNothing();
  });

  it('refuses another epoch, also before the first claim', () => {
    given(requested()).when(start(0, 1)).thenRefused('STALE_EPOCH');
    given(requested(), claimed(), claimed(2)).when(start(1, 1)).thenRefused('STALE_EPOCH', { transferId: RUN_1, epoch: 2 });
  });

  it('refuses while an attempt is open, also one that another epoch started', () => {
    given(...uploading).when(start(1, 2)).thenRefused('ATTEMPT_OPEN');
    given(...uploading, claimed(2)).when(start(2, 1)).thenRefused('ATTEMPT_OPEN', { transferId: RUN_1, attempt: 1 });
  });

  it('refuses an attempt out of order, and a failed one again', () => {
    given(requested(), claimed()).when(start(1, 2)).thenRefused('ATTEMPT_OUT_OF_ORDER');
    given(...uploading, attemptFailed).when(start(1, 1)).thenRefused('ATTEMPT_OUT_OF_ORDER');
  });

  it('refuses where the run is over or never was', () => {
    given(...completed()).when(start(1, 2)).thenRefused('RUN_NOT_OPEN');
    given().when(start(1, 1)).thenRefused('RUN_NOT_OPEN');
  });
});

describe('ReleaseUpload', () => {
  it('releases the open attempt once', () => {
    given(...uploading).when(release()).then(released);
    given(...ready).when(release()).thenNothing();
    given(...ready, accepted).when(release()).thenNothing();
  });

  it('is given by whoever holds the run now', () => {
    given(...uploading, claimed(2)).when(release({ epoch: 2 })).then({ ...released, data: { ...released.data, epoch: 2 } } as TransferEvent);
    given(...ready, claimed(2)).when(release({ epoch: 2 })).thenNothing();
  });

  it.each<[string, TransferEvent[], Parameters<typeof release>[0]]>([
    ['another job', ready, { jobId: 'job-2' }],
    ['the same job with other bytes', ready, { sha256: 'b'.repeat(64) }],
    ['the same job with another size', ready, { sizeBytes: 11 }],
    ['another attempt', uploading, { attempt: 2 }],
    ['an attempt that failed', [...uploading, attemptFailed], {}],
    ['an attempt before the open one', [...uploading, attemptFailed, started(2)], {}],
    ['an epoch of the past', [...uploading, claimed(2)], {}],
    ['an epoch to come', uploading, { epoch: 2 }],
    ['a run without an attempt', [requested(), claimed()], {}],
    ['a run that was cancelled', [...uploading, cancelled], {}],
    ['a run that is completed', completed(), {}],
    ['a run that is another', uploading, { transferId: RUN_2 }],
    ['a route without runs', [], {}],
  ])('refuses %s', (_, history, data) => {
    given(...history).when(release(data)).thenRefused('UPLOAD_NOT_RELEASABLE');
  });
});

describe('AcceptUpload', () => {
  const accept = (attempt = 1) => command('AcceptUpload', { transferId: RUN_1, attempt, forms: { id: 'task_7' } });

  it('records what to await, once', () => {
    given(...ready).when(accept()).then(accepted);
    given(...ready, accepted).when(accept()).thenNothing();
  });

  it('is quiet where it comes late', () => {
    given(...ready, attemptFailed).when(accept()).thenNothing();
    given(...completed()).when(accept()).thenNothing();
  });

  it('refuses what was not released', () => {
    given(...uploading).when(accept()).thenRefused('UPLOAD_NOT_RELEASED', { transferId: RUN_1, attempt: 1, status: 'uploading' });
    given(...ready).when(accept(2)).thenRefused('UPLOAD_NOT_RELEASED');
  });
});

describe('FailUpload', () => {
  const fail = (attempt = 1) =>
    command('FailUpload', { transferId: RUN_1, attempt, kind: 'timeout', retryable: true, retryAt: NOW, message: 'No answer.' });

  it.each([
    ['uploading', uploading],
    ['released', ready],
    ['accepted', [...ready, accepted]],
  ])('ends an attempt that is %s and waits for the next', (_, history) => {
    const { run } = given(...history).when(fail()).then(attemptFailed);
    expect(run).toMatchObject({ status: 'waiting', attempt: 1, retryAt: NOW });
    expect(run).not.toHaveProperty('jobId');
  });

  const failWith = (data: object) => command('FailUpload', { ...fail().data, ...data });
  const orphaned: TransferEvent = { type: 'UploadOrphaned', data: { transferId: RUN_1, attempt: 1, marker: `ferry-${RUN_1}`, reason: 'No answer.' } };

  it('leaves a released attempt open where only an unreleased one may fail', () => {
    given(...uploading).when(failWith({ onlyUnreleased: true })).then(attemptFailed);
    given(...ready).when(failWith({ onlyUnreleased: true })).thenNothing();
    given(...ready, accepted).when(failWith({ onlyUnreleased: true })).thenNothing();
  });

  it('names what may stand at the vendor in the same decision, where it was released', () => {
    const marker = `ferry-${RUN_1}`;
    given(...uploading).when(failWith({ marker })).then(attemptFailed);
    given(...ready).when(failWith({ marker })).then(attemptFailed, orphaned);
    given(...ready, accepted).when(failWith({ marker })).then(attemptFailed, orphaned);
    given(...ready, orphaned).when(failWith({ marker })).then(attemptFailed);
  });

  it('ends a run in the middle of a released upload with the same words', () => {
    const failing = command('FailTransfer', { transferId: RUN_1, kind: 'unavailable', message: 'No answer.', marker: `ferry-${RUN_1}` });
    const over = { type: 'TransferFailed', data: { transferId: RUN_1, kind: 'unavailable', message: 'No answer.', failedAt: NOW } } as const;
    given(...uploading).when(failing).then(over);
    given(...ready).when(failing).then(orphaned, over);
  });

  it('changes nothing for a worker whose run is another one’s', () => {
    given(...uploading, claimed(2)).when(failWith({ epoch: 1 })).thenNothing();
    given(...uploading, claimed(2)).when(failWith({ epoch: 2 })).then(attemptFailed);
    given(...uploading, claimed(2)).when(command('FailTransfer', { transferId: RUN_1, epoch: 1, kind: 'internal' })).thenNothing();
  });

  it('is quiet where it is repeated or late', () => {
    given(...uploading, attemptFailed).when(fail()).thenNothing();
    given(...uploading, attemptFailed, started(2)).when(fail()).thenNothing();
    given(...completed()).when(fail()).thenNothing();
  });
});

describe('OrphanUpload', () => {
  const orphan = (transferId = RUN_1, forms?: object) =>
    command('OrphanUpload', { transferId, attempt: 1, marker: `ferry-${transferId}`, forms, reason: 'found again' });

  it('is recorded once, also after the end of the run and of the next', () => {
    const history = [...completed(), requested(RUN_2)];
    const event: TransferEvent = { type: 'UploadOrphaned', data: { transferId: RUN_1, attempt: 1, marker: `ferry-${RUN_1}`, reason: 'found again' } };
    given(...history).when(orphan()).then(event);
    given(...history, event).when(orphan()).thenNothing();
    given(...history, event).when(orphan(RUN_1, FORMS)).then({ ...event, data: { ...event.data, forms: FORMS } });
  });

  it('refuses a run that never was', () => {
    given(requested()).when(orphan(RUN_2)).thenRefused('UNKNOWN_TRANSFER');
  });
});

describe('CompleteTransfer', () => {
  it('ends upload, reference and run in one decision', () => {
    const { run, reference } = given(...ready).when(complete({ expiresAt: '2026-02-01T00:00:00Z' })).then(...cached('2026-02-01T00:00:00Z'));
    expect(run).toMatchObject({ status: 'completed', completedAt: NOW });
    expect(reference).toEqual({ referenceId: RUN_1, forms: FORMS, expiresAt: '2026-02-01T00:00:00Z', cachedAt: NOW });
  });

  it('ends an accepted upload', () => {
    given(...ready, accepted).when(complete()).then(...cached());
  });

  it('is quiet where it is repeated or late', () => {
    given(...completed()).when(complete()).thenNothing();
    given(...ready, attemptFailed).when(complete()).thenNothing();
    given(...ready, attemptFailed, started(2)).when(complete()).thenNothing();
    given(...ready, cancelled).when(complete()).thenNothing();
    given(...ready, cancelled, requested(RUN_2)).when(complete()).thenNothing();
  });

  it('refuses what was not released', () => {
    given(...uploading).when(complete()).thenRefused('UPLOAD_NOT_RELEASED');
    given(requested(), claimed()).when(complete()).thenRefused('UPLOAD_NOT_RELEASED');
    given(...ready).when(complete({ attempt: 2 })).thenRefused('UPLOAD_NOT_RELEASED');
  });
});
