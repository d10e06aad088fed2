import { SUBJECTS, type ResolveAnswer, type ResolvePlan } from '@ferry/contracts';
import { transferStream, usageStream, type UsageEvent } from '@ferry/domain/transfer/events';
import { downloadStream } from '@ferry/domain/download/events';
import { parseRunId, type Token } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { ReferenceWaiter } from '../../gateway/src/provider-urls/reference-waiter';
import { Services } from '../../gateway/src/services';
import { Rig } from './testing/rig';

const CROWD = 1_000;
/** Milliseconds from the end of the run until the last one has the reference. `npm run bench -- transfer crowd` has what it is on a quiet machine. */
const TOLD_MS = 1_000;

/** Milliseconds that a process has to stand still to notice it. */
const STANDSTILL_MS = 300;

type Ready = Extract<ResolveAnswer, { status: 'ready' }>;

describe('answers of three replicas', () => {
  let rig: Rig;
  let waiter: ReferenceWaiter;

  beforeAll(async () => {
    rig = await Rig.start();
    const env = { TRANSFER_USAGE_MS: '200', TRANSFER_REPORTS_PER_HOUR: '2' };
    await Promise.all(['one', 'two', 'three'].map((name) => rig.startService('transfer', name, env)));
    waiter = new ReferenceWaiter(new Services(rig.messaging), { GATEWAY_MAX_WAITERS: 10 * CROWD } as ConstructorParameters<typeof ReferenceWaiter>[1], rig.messaging);
  }, 60_000);
  afterAll(async () => {
    waiter?.onModuleDestroy();
    await rig?.close();
  }, 30_000);
  afterEach(() => rig.clearFaults());

  const counts = async () => {
    const [pixverse, openai] = await Promise.all([rig.counts('pixverse'), rig.counts('openai')]);
    return { downloads: pixverse.downloads, pixverseUploads: pixverse.uploads, openaiUploads: openai.uploads };
  };
  const call = async (assetId: string, providerId: string, more: object = {}): Promise<{ answer: Ready; at: number }> => {
    const request = { owner: 'dev', actor: 'crowd', commandId: randomUUID(), assetId, providerId, ...more };
    const answer = await waiter.resolve(request, 60_000, new AbortController().signal);
    if (answer.status !== 'ready') throw new Error('still pending after a minute');
    return { answer, at: Date.now() };
  };
  const invalidate = (assetId: string, referenceId: string): Promise<{ token: Token }> =>
    rig.messaging.request(
      SUBJECTS.transfer.invalidate,
      { owner: 'dev', actor: 'spec', commandId: randomUUID(), assetId, providerId: 'sora', referenceId, reason: 'it said no to Kim' },
      { timeoutMs: 5_000 },
    );

  it(`makes one download and one upload for ${CROWD} callers, and all have the reference when the run ends`, async () => {
    const assetId = await rig.pixverseVideo();
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: 150_000, times: 1 });
    const before = await counts();
    const told = await Promise.all(Array.from({ length: CROWD }, () => call(assetId, 'sora')));
    expect(new Set(told.map(({ answer }) => answer.reference.referenceId)).size).toBe(1);
    const after = await counts();
    expect([after.downloads - before.downloads, after.openaiUploads - before.openaiUploads]).toEqual([1, 1]);
    const events = await rig.store.read(transferStream(told[0]!.answer.routeId));
    expect(events.filter(({ type }) => type === 'TransferRequested')).toHaveLength(1);
    const ended = Date.parse(events.find(({ type }) => type === 'TransferCompleted')!.created);
    expect(Math.max(...told.map(({ at }) => at)) - ended).toBeLessThan(TOLD_MS);
  });

  it(`makes one download and two uploads for ${CROWD} callers with two targets`, async () => {
    const assetId = await rig.pixverseVideo();
    const before = await counts();
    // As a reference a video is not native at its own provider: it is uploaded there too.
    const targets = [
      ['sora', {}],
      ['pixverse', { use: 'reference' }],
    ] as const;
    const told = await Promise.all(Array.from({ length: CROWD }, (_, caller) => call(assetId, targets[caller % 2]![0], targets[caller % 2]![1])));
    expect(new Set(told.map(({ answer }) => answer.reference.referenceId)).size).toBe(2);
    const after = await counts();
    expect([after.downloads - before.downloads, after.openaiUploads - before.openaiUploads + after.pixverseUploads - before.pixverseUploads]).toEqual([1, 2]);
    expect((await rig.types(downloadStream(assetId))).filter((type) => type === 'DownloadStarted')).toHaveLength(1);
  });

  it('honours an invalidation everywhere at once for who shows its token, and within 200 ms for all', async () => {
    const assetId = await rig.pixverseVideo();
    const { answer } = await call(assetId, 'sora');
    const { referenceId } = answer.reference;
    const { token } = await invalidate(assetId, referenceId);
    const invalidatedAt = performance.now();
    const withToken = await Promise.all(Array.from({ length: 30 }, () => rig.resolve(assetId, 'sora', { atLeast: token })));
    for (const told of withToken) expect(told.status === 'ready' && told.reference.referenceId).not.toBe(referenceId);
    let lastOld = invalidatedAt;
    while (performance.now() < invalidatedAt + 1_000) {
      const asked = performance.now();
      const told = await Promise.all(Array.from({ length: 6 }, () => rig.resolve(assetId, 'sora')));
      if (told.some((one) => one.status === 'ready' && one.reference.referenceId === referenceId)) lastOld = asked;
    }
    expect(lastOld - invalidatedAt).toBeLessThan(200);
  });

  it('uploads again after so many reports in an hour and no more, and says when to come back', async () => {
    const assetId = await rig.pixverseVideo();
    for (let report = 0; report < 3; report += 1) {
      const { answer } = await call(assetId, 'sora');
      const { token } = await invalidate(assetId, answer.reference.referenceId);
      const [event] = (await rig.store.read(token.stream)).filter(({ type }) => type === 'ProviderUrlInvalidated');
      expect(event!.data).toMatchObject({ reason: 'reported', personal: { reason: 'it said no to Kim' } });
    }
    const before = await counts();
    const refusal = await call(assetId, 'sora').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'TOO_MANY_REPORTS', category: 'throttled', details: { allowed: 2, reports: 3 } });
    const { until } = (refusal as { details: { until: string } }).details;
    expect(Date.parse(until) - Date.now()).toBeGreaterThan(3_500_000);
    expect(await counts()).toEqual(before);
  });

  const planOf = (assetId: string, providerId: string, more: object = {}) =>
    rig.messaging.request<ResolvePlan>(SUBJECTS.transfer.plan, { owner: 'dev', actor: 'spec', assetId, providerId, ...more }, { timeoutMs: 5_000 });
  const audio = async () => {
    const { id } = await rig.seed('pixverse', 'audio', 'pixverse-voice.mp3');
    return rig.register({ kind: 'audio', origin: { providerId: 'pixverse', forms: { id, idType: 'media' } }, declared: { mimeType: 'audio/mpeg', durationSeconds: 3 } });
  };
  const refusedByLimits = () => rig.pixverseVideo({ declared: { durationSeconds: 9, mimeType: 'video/mp4' } });
  const reportedTooOften = async () => {
    const assetId = await rig.pixverseVideo();
    for (let report = 0; report < 3; report += 1) await invalidate(assetId, (await call(assetId, 'sora')).answer.reference.referenceId);
    return assetId;
  };
  const failedForGood = async () => {
    const assetId = await rig.pixverseVideo();
    await rig.fault({ provider: 'openai', operation: 'character-create', status: 400, times: 1 });
    await expect(call(assetId, 'sora')).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
    return assetId;
  };
  const situations: [string, () => Promise<string>, string, object, object][] = [
    ['nothing is known', () => rig.pixverseVideo(), 'sora', {}, { action: 'transfer', variant: 'character', steps: [{ step: 'download', providerId: 'pixverse' }, { step: 'upload', cutThrough: { possible: false } }] }],
    ['the bytes are there', async () => { const id = await rig.pixverseVideo(); await call(id, 'sora'); return id; }, 'pixverse', { use: 'reference' }, { action: 'transfer', steps: [{ step: 'read-cached-file' }, { step: 'upload', variant: 'media' }], unknownFacts: [] }],
    ['it was born there', () => rig.pixverseVideo(), 'pixverse', {}, { action: 'answer', source: 'native', variant: 'native' }],
    ['the reference lives', async () => { const id = await rig.pixverseVideo(); await call(id, 'sora'); return id; }, 'sora', {}, { action: 'answer', source: 'cached' }],
    ['nothing takes it', audio, 'sora', {}, { action: 'refuse', error: { code: 'TARGET_LIMITS' } }],
    ['a limit is violated', refusedByLimits, 'sora', {}, { action: 'refuse', error: { code: 'TARGET_LIMITS', details: { violations: [{ limit: 'maxDurationSeconds' }] } } }],
    ['it was refused for good', failedForGood, 'sora', {}, { action: 'refuse', error: { code: 'TRANSFER_REFUSED' }, until: expect.any(String) as string }],
    ['it was reported too often', reportedTooOften, 'sora', {}, { action: 'refuse', error: { code: 'TOO_MANY_REPORTS' }, until: expect.any(String) as string }],
  ];

  it.each(situations)('plans what it then does, where %s', async (_, prepare, providerId, more, expected) => {
    const assetId = await prepare();
    const before = await counts();
    const plan = await planOf(assetId, providerId, more);
    expect(plan).toMatchObject(expected);
    expect(await counts()).toEqual(before);
    const done = await rig.resolve(assetId, providerId, more).catch((error: unknown) => error);
    if (plan.action === 'answer') expect(done).toMatchObject({ status: 'ready', routeId: plan.routeId, source: plan.source, reference: plan.reference });
    if (plan.action === 'transfer') expect(done).toMatchObject({ status: 'pending', routeId: plan.routeId });
    if (plan.action === 'refuse') expect(done).toMatchObject({ code: plan.error.code, message: plan.error.message });
    if (plan.action !== 'transfer') return;
    const { transferId } = done as { transferId: string };
    const during = await planOf(assetId, providerId, more);
    expect(during.action === 'join' ? during.transferId : during.action === 'answer' && during.reference.referenceId).toBe(transferId);
    await rig.outcome(assetId, providerId, transferId);
  });

  it('tells a command that comes again what came of its run, and begins no other', async () => {
    const assetId = await rig.pixverseVideo();
    const resolveAs = (commandId: string) => rig.resolve(assetId, 'sora', { commandId });
    const begun = async (commandId: string): Promise<string> => {
      const answer = await resolveAs(commandId);
      if (answer.status !== 'pending') throw new Error('the route has a reference');
      return answer.transferId;
    };
    const transferId = await begun('first');
    const { reference } = await rig.outcome(assetId, 'sora', transferId);
    expect(await resolveAs('first')).toMatchObject({ status: 'ready', reference });
    await invalidate(assetId, reference.referenceId);
    await expect(resolveAs('first')).rejects.toMatchObject({ code: 'REFERENCE_ENDED', details: { transferId } });
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: 100_000, times: 1 });
    const second = await begun('second');
    await rig.messaging.request(SUBJECTS.transfer.cancel, { owner: 'dev', actor: 'spec', commandId: randomUUID(), transferId: second }, { timeoutMs: 10_000 });
    await expect(resolveAs('second')).rejects.toMatchObject({ code: 'TRANSFER_CANCELLED', details: { transferId: second } });
    expect((await rig.types(transferStream(parseRunId(transferId)!.subjectId))).filter((type) => type === 'TransferRequested')).toHaveLength(2);
  });

  it('counts what was used, once in each write', async () => {
    const assetId = await rig.pixverseVideo();
    const { answer } = await call(assetId, 'sora');
    await Promise.all(Array.from({ length: 20 }, () => rig.resolve(assetId, 'sora')));
    await eventually(async () => {
      const streams = await Promise.all([0, 1, 2].map((slot) => rig.store.read<UsageEvent>(usageStream(slot))));
      const uses = streams.flat().flatMap(({ data }) => data.uses.filter((use) => use.assetId === assetId));
      expect(uses.length).toBeGreaterThan(0);
      for (const use of uses) expect(use).toEqual({ routeId: answer.routeId, assetId });
      expect(uses.length).toBeLessThan(15);
    });
  });

  it('refuses what the rules refuse, in the words of the other subjects', async () => {
    const ask = (subject: string) => rig.messaging.request(subject, { owner: 7, atLeast: [] }, { timeoutMs: 5_000 }).catch((error: unknown) => error);
    const refusal = await ask(SUBJECTS.transfer.resolve);
    expect(refusal).toMatchObject({ code: 'VALIDATION_FAILED' });
    const { errors } = (refusal as { details: { errors: string[] } }).details;
    const others = (await ask(SUBJECTS.transfer.invalidate)) as { details: { errors: string[] } };
    for (const error of others.details.errors.filter((text) => !/^(referenceId|reason)/.test(text))) expect(errors).toContain(error);
  });

  it('tells nobody of a deleted asset, nor of another’s', async () => {
    const assetId = await rig.pixverseVideo();
    await call(assetId, 'sora');
    await expect(rig.resolve(assetId, 'sora', { owner: 'somebody-else' })).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    const { token } = await rig.messaging.request<{ token: Token }>(SUBJECTS.catalog.remove, { owner: 'dev', actor: 'spec', commandId: randomUUID(), assetId }, { timeoutMs: 5_000 });
    const told = Array.from({ length: 9 }, () => rig.resolve(assetId, 'sora', { atLeast: token }).catch((error: { code: string }) => error.code));
    expect(new Set(await Promise.all(told))).toEqual(new Set(['ASSET_DELETED']));
  });
});

describe('an answer of a replica that stood still', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startService('transfer', 'only');
  }, 60_000);
  afterAll(() => rig?.close(), 30_000);

  it('is read from the stream, not from what it remembers', async () => {
    const assetId = await rig.pixverseVideo();
    const { reference } = await rig.resolved(assetId, 'sora');
    const { subjectId: routeId } = parseRunId(reference.referenceId)!;
    await rig.resolve(assetId, 'sora');
    const { pid } = rig.service('only');
    const stopped = performance.now();
    process.kill(pid, 'SIGSTOP');
    const asked = rig.resolve(assetId, 'sora');
    try {
      const event = { type: 'ProviderUrlInvalidated', data: { referenceId: reference.referenceId, reason: 'gone', reportedBy: 'spec', invalidatedAt: new Date().toISOString() } } as const;
      await rig.store.record({ stream: transferStream(routeId), events: [event], metadata: { $correlationId: '', $causationId: '', commandId: randomUUID(), actor: 'spec', owner: 'dev' } });
      await eventually(async () => expect(performance.now() - stopped).toBeGreaterThan(STANDSTILL_MS));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const told = await asked;
    expect(told.status === 'ready' && told.reference.referenceId).not.toBe(reference.referenceId);
  });
});
