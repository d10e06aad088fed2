import { transferIdOf } from '@ferry/kernel';
import { deciderSpec } from '@ferry/testing/specs';
import {
  cancelled,
  claimed,
  command,
  completed,
  failed,
  NOW,
  ready,
  request,
  requested,
  route,
  RUN_1,
  RUN_2,
  uploading,
} from './__examples__/transfer.examples';
import { transferDecider } from './transfer.decider';
import type { TransferEvent } from './transfer.events';

const { given } = deciderSpec(transferDecider);

describe('RequestTransfer', () => {
  it('opens the first run', () => {
    given().when(request()).then(requested());
  });

  it('claims the run in the same decision', () => {
    const state = given().when(request({ claim: { workerId: 'worker-a' } })).then(requested(), claimed());
    expect(state.run).toMatchObject({ status: 'claimed', epoch: 1, workerId: 'worker-a' });
  });

  it('joins an open run', () => {
    given(...uploading).when(request({ claim: { workerId: 'worker-b' } })).thenNothing();
  });

  it('raises an open run, and never lowers it', () => {
    const refresh: TransferEvent = { type: 'TransferRequested', data: { transferId: RUN_1, ...route, reason: 'refresh', priority: 'refresh' } };
    given(refresh).when(request()).then({ type: 'TransferRaised', data: { transferId: RUN_1, priority: 'resolve' } });
    given(refresh).when(request({ priority: 'warm' })).thenNothing();
  });

  it('is content with a reference that lives long enough', () => {
    given(...completed('2026-01-05T11:00:00Z')).when(request({ minAliveUntil: '2026-01-05T12:00:00+01:00' })).thenNothing();
    given(...completed()).when(request({ minAliveUntil: '2099-01-01T00:00:00Z' })).thenNothing();
  });

  it('takes the word that a reference is dead for that reference alone, not for one made meanwhile', () => {
    const far = { minAliveUntil: '2026-01-05T10:01:00.000Z' };
    given(...completed()).when(request({ ...far, deadReferenceId: RUN_1 })).then(requested(RUN_2));
    given(...completed()).when(request({ ...far, deadReferenceId: RUN_2 })).thenNothing();
  });

  it('opens the next run where the reference ends too early, or where any reference will not do', () => {
    given(...completed('2026-01-05T11:00:00Z')).when(request({ minAliveUntil: '2026-01-05T11:00:01Z' })).then(requested(RUN_2));
    given(...completed()).when(request()).then(requested(RUN_2));
  });

  it.each(['rejected-by-policy', 'invalid-request', 'too-large', 'content-changed'])('refuses for 24 h after %s', (kind) => {
    const until = '2026-01-06T10:00:00.000Z';
    const history = [requested(), claimed(), failed(kind)];
    given(...history)
      .when(request({}, '2026-01-06T09:59:59.999Z'))
      .thenRefused('TRANSFER_REFUSED', { transferId: RUN_1, kind, message: 'It said no.', until });
    given(...history).when(request({}, until)).then(requested(RUN_2));
  });

  it('opens the next run at once after a failure that may pass, and after a cancellation', () => {
    given(requested(), failed()).when(request()).then(requested(RUN_2));
    given(requested(), cancelled).when(request()).then(requested(RUN_2));
  });
});

describe('RetryTransfer', () => {
  const retry = (transferId = RUN_1) => command('RetryTransfer', { transferId, claim: { workerId: 'worker-a' } });

  it('opens the next run of the same route, also within the 24 h', () => {
    given(requested(), failed('too-large')).when(retry()).then(requested(RUN_2), claimed(1, RUN_2));
    given(requested(), cancelled).when(retry()).then(requested(RUN_2), claimed(1, RUN_2));
  });

  it('does nothing where the next run exists, and for a run that is open or completed', () => {
    given(requested(), failed(), requested(RUN_2)).when(retry()).thenNothing();
    given(...uploading).when(retry()).thenNothing();
    given(...completed()).when(retry()).thenNothing();
  });

  it('refuses a run that never was', () => {
    given().when(retry()).thenRefused('UNKNOWN_TRANSFER');
    given(requested(), failed()).when(retry(RUN_2)).thenRefused('UNKNOWN_TRANSFER', { transferId: RUN_2 });
    given(requested(), failed()).when(retry(transferIdOf(route.assetId, 1))).thenRefused('UNKNOWN_TRANSFER');
  });
});

describe('RaiseTransfer', () => {
  it('raises an open run and is quiet about any other', () => {
    const low: TransferEvent = { type: 'TransferRequested', data: { transferId: RUN_1, ...route, reason: 'evacuate', priority: 'evacuate' } };
    const raise = command('RaiseTransfer', { transferId: RUN_1, priority: 'refresh' });
    given(low).when(raise).then({ type: 'TransferRaised', data: { transferId: RUN_1, priority: 'refresh' } });
    given(requested()).when(raise).thenNothing();
    given(low, cancelled).when(raise).thenNothing();
  });
});

describe('ClaimTransfer', () => {
  const claim = (fromEpoch: number, transferId = RUN_1) => command('ClaimTransfer', { transferId, workerId: 'worker-a', fromEpoch });

  it('takes a run from the epoch that was seen', () => {
    given(requested()).when(claim(0)).then(claimed(1));
    given(...uploading).when(claim(1)).then(claimed(2));
  });

  it('keeps an attempt open over a take-over', () => {
    const { run } = given(...ready).when(claim(1)).then(claimed(2));
    expect(run).toMatchObject({ status: 'released', epoch: 2, startedEpoch: 1, attempt: 1 });
  });

  it('does nothing where another was quicker, or the run is over or another', () => {
    given(...uploading).when(claim(0)).thenNothing();
    given(requested(), cancelled).when(claim(0)).thenNothing();
    given(requested(), cancelled, requested(RUN_2)).when(claim(0)).thenNothing();
  });
});

describe('FailTransfer', () => {
  const fail = command('FailTransfer', { transferId: RUN_1, kind: 'unavailable', message: 'It said no.' });

  it('ends an open run with the date, and keeps a reference that is there', () => {
    given(...uploading).when(fail).then(failed());
    const again = [...completed(), requested(RUN_2)];
    const state = given(...again)
      .when(command('FailTransfer', { transferId: RUN_2, kind: 'quota', retryAfter: '2026-01-06T00:00:00Z' }))
      .then({ type: 'TransferFailed', data: { transferId: RUN_2, kind: 'quota', retryAfter: '2026-01-06T00:00:00Z', failedAt: NOW } });
    expect(state.reference?.referenceId).toBe(RUN_1);
  });

  it('is quiet where the run is over', () => {
    given(...completed()).when(fail).thenNothing();
    given(requested(), cancelled).when(fail).thenNothing();
  });
});

describe('CancelTransfer', () => {
  const cancel = (transferId = RUN_1) => command('CancelTransfer', { transferId });

  it('ends an open run', () => {
    given(...ready).when(cancel()).then(cancelled);
  });

  it('leaves an orphan of what was released, in the same append, where it is told to look for one', () => {
    const withMarker = command('CancelTransfer', { transferId: RUN_1, marker: `ferry-${RUN_1}` });
    const reason = 'Cancelled after its release; whether it stands is not known.';
    const orphaned: TransferEvent = { type: 'UploadOrphaned', data: { transferId: RUN_1, attempt: 1, marker: `ferry-${RUN_1}`, reason } };
    given(...ready).when(withMarker).then(orphaned, cancelled);
    given(...uploading).when(withMarker).then(cancelled);
  });

  it('is quiet where the run is over', () => {
    given(...completed()).when(cancel()).thenNothing();
    given(requested(), cancelled, requested(RUN_2)).when(cancel()).thenNothing();
  });

  it('refuses a run that never was', () => {
    given().when(cancel()).thenRefused('UNKNOWN_TRANSFER');
    given(requested()).when(cancel(RUN_2)).thenRefused('UNKNOWN_TRANSFER');
  });
});

describe('InvalidateReference', () => {
  const report = { referenceId: RUN_1, reason: 'reported', reportedBy: 'key:studio', personal: { reason: 'Kim says it is gone' } } as const;
  const invalidate = command('InvalidateReference', report);
  const invalidated = (date: string, referenceId = RUN_1): TransferEvent => ({ type: 'ProviderUrlInvalidated', data: { ...report, referenceId, invalidatedAt: date } });

  it('takes away the current reference', () => {
    const state = given(...completed()).when(invalidate).then(invalidated(NOW));
    expect(state).not.toHaveProperty('reference');
    expect(state.reports).toEqual([NOW]);
  });

  it('is quiet about an older one, and where it is repeated', () => {
    given(...completed(), invalidated(NOW)).when(invalidate).thenNothing();
    given(...completed()).when(command('InvalidateReference', { ...report, referenceId: RUN_2 })).thenNothing();
  });

  it('counts reports, not what the provider says itself nor what was reported before dates were', () => {
    const gone = given(...completed()).when(command('InvalidateReference', { referenceId: RUN_1, reason: 'gone', reportedBy: 'service:transfer' }));
    expect(gone.then({ type: 'ProviderUrlInvalidated', data: { referenceId: RUN_1, reason: 'gone', reportedBy: 'service:transfer', invalidatedAt: NOW } })).not.toHaveProperty('reports');
    const before: TransferEvent = { type: 'ProviderUrlInvalidated', data: { referenceId: RUN_1, reason: 'reported', reportedBy: 'key' } };
    given(...completed(), before).when(request({ reportsPerHour: 0 })).then(requested(RUN_2));
  });

  it('leads to so many uploads in an hour and no more', () => {
    const first = invalidated('2026-01-05T10:00:00.000Z');
    const again: TransferEvent[] = [
      requested(RUN_2),
      { type: 'ProviderUrlCached', data: { transferId: RUN_2, referenceId: RUN_2, forms: { id: 'char_43' } } },
      { type: 'TransferCompleted', data: { transferId: RUN_2, completedAt: NOW } },
    ];
    const history = [...completed(), first, ...again, invalidated('2026-01-05T10:10:00.000Z', RUN_2)];
    const third = requested(RUN_2.replace(/2$/, '3'));
    const asked = (now: string, reportsPerHour?: number) => request(reportsPerHour === undefined ? {} : { reportsPerHour }, now);
    given(...history).when(asked('2026-01-05T10:20:00.000Z', 2)).then(third);
    given(...history)
      .when(asked('2026-01-05T10:20:00.000Z', 1))
      .thenRefused('TOO_MANY_REPORTS', { reports: 2, allowed: 1, until: '2026-01-05T11:00:00.000Z' });
    given(...history).when(asked('2026-01-05T10:20:00.000Z', 0)).thenRefused('TOO_MANY_REPORTS', { reports: 2, allowed: 0, until: '2026-01-05T11:10:00.000Z' });
    given(...history).when(asked('2026-01-05T11:00:00.000Z', 1)).then(third);
    given(...history).when(asked('2026-01-05T10:20:00.000Z')).then(third);
  });
});
