import { downloadProgressSubject, TRANSFER_PROGRESS_SUBJECT, type RunProgress } from '@ferry/contracts';
import { eventually } from '@ferry/testing/specs';
import { Rig } from './testing/rig';
import { pending, streamOf } from './testing/steps';

const BYTES_PER_SECOND = 8_000_000;

describe('running transfers and references at their providers', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all(['first', 'second'].map((name) => rig.startService('transfer', name)));
  }, 60_000);
  afterAll(() => rig?.close(), 60_000);
  afterEach(async () => {
    await rig.clearLimits();
    await rig.clearFaults();
  });

  it('tells bytes, rate, time left, attempt and step of a transfer and its download, four times a second and whenever asked', async () => {
    const assetId = await rig.largePixverseVideo();
    await rig.limit('openai', { bytesPerSecondIn: BYTES_PER_SECOND });
    const told: (RunProgress & { readonly heardAt: number })[] = [];
    const downloads: RunProgress[] = [];
    const listeners = [
      rig.messaging.subscribe<RunProgress>(TRANSFER_PROGRESS_SUBJECT, (progress) => void told.push({ ...progress, heardAt: performance.now() })),
      rig.messaging.subscribe<RunProgress>(downloadProgressSubject(`${assetId}-1`), (progress) => void downloads.push(progress)),
    ];
    const transferId = await pending(rig, assetId);
    // An event store that others have used before holds runs that these replicas work off first.
    await eventually(() => expect(told.filter(({ step, bytes = 0 }) => step === 'uploading' && bytes > 4_000_000).length).toBeGreaterThan(3), { timeoutMs: 60_000 });
    // The queue group gives each question to one of the replicas: the one that does not hold the run knows as well.
    const views = await Promise.all(Array.from({ length: 20 }, () => rig.transfer(transferId)));
    for (const { progress } of views) expect(progress).toMatchObject({ runId: transferId, step: 'uploading', attempt: 1, totalBytes: expect.any(Number) as number });
    await rig.outcome(assetId, 'sora', transferId);
    listeners.forEach((listener) => listener.close());

    const uploading = told.filter(({ runId, step }) => runId === transferId && step === 'uploading');
    const seconds = (uploading.at(-1)!.heardAt - uploading[0]!.heardAt) / 1_000;
    expect(uploading.length / seconds).toBeGreaterThan(4);
    const { bytes, totalBytes, bytesPerSecond, etaSeconds } = uploading[Math.floor(uploading.length * 0.7)]!;
    expect(bytesPerSecond).toBeGreaterThan(BYTES_PER_SECOND / 4);
    expect(etaSeconds).toBeCloseTo((totalBytes! - bytes!) / bytesPerSecond!, 0);
    // An adapter that is not heard for a while is not guessed at.
    const counted = uploading.flatMap((progress) => progress.bytes ?? []);
    expect(counted).toEqual(counted.toSorted((a, b) => a - b));
    expect(downloads).toContainEqual(expect.objectContaining({ runId: `${assetId}-1`, step: 'downloading', attempt: 1 }));
    expect((await rig.transfer(transferId)).progress).toBeUndefined();
  }, 120_000);

  it('checks a reference at its provider, and gives up only what is gone', async () => {
    const assetId = await rig.pixverseImage();
    const { reference } = await rig.resolved(assetId, 'sora');
    const { referenceId } = reference;
    expect(await rig.check(assetId, 'sora')).toEqual({ referenceId, state: 'valid', invalidated: false });
    await rig.fault({ provider: 'openai', operation: 'file-get', status: 500, times: 1 });
    expect(await rig.check(assetId, 'sora')).toMatchObject({ referenceId, state: 'unknown', invalidated: false, reason: expect.any(String) as string });
    await expect(rig.check(assetId, 'sora', { referenceId: `${referenceId}9` })).rejects.toMatchObject({ code: 'UNKNOWN_REFERENCE' });
    expect(await rig.resolve(assetId, 'sora')).toMatchObject({ status: 'ready', reference: { referenceId } });

    await rig.deleteAtOpenai(reference.forms.id!);
    const gone = await rig.check(assetId, 'sora', { referenceId });
    expect(gone).toMatchObject({ referenceId, state: 'gone', invalidated: true, token: expect.any(Object) as object });
    await expect(rig.check(assetId, 'sora')).rejects.toMatchObject({ code: 'UNKNOWN_REFERENCE' });
    expect((await rig.resolved(assetId, 'sora', { atLeast: gone.token })).reference.referenceId).not.toBe(referenceId);
  }, 60_000);

  it('deletes references and what was left behind at the vendor with their asset', async () => {
    const before = await rig.openaiFiles();
    const assetId = await rig.pixverseImage();
    await rig.fault({ provider: 'openai', operation: 'file-create', loseAnswer: true, times: 1 });
    // Else the upload would be found by its name.
    await rig.fault({ provider: 'openai', operation: 'file-list', status: 400, times: 1 });
    const { reference } = await rig.resolved(assetId, 'sora');
    expect(await rig.types(streamOf(reference.referenceId))).toContain('UploadOrphaned');
    expect(await rig.openaiFiles()).toHaveLength(before.length + 2);
    // The first try of the vendor's call fails; it is made again.
    await rig.fault({ provider: 'openai', operation: 'file-delete', status: 503, times: 1 });
    await rig.deleteAsset(assetId);
    await eventually(async () => expect(await rig.openaiFiles()).toEqual(before), { timeoutMs: 30_000 });
  }, 60_000);

  it('says unknown, and why, where the provider cannot be asked; asks for the origin itself where that is the reference', async () => {
    const assetId = await rig.pixverseVideo();
    expect(await rig.check(assetId, 'pixverse')).toEqual({ referenceId: assetId, state: 'valid', invalidated: false });
    await rig.resolved(assetId, 'pixverse', { use: 'reference' });
    expect(await rig.check(assetId, 'pixverse', { use: 'reference' })).toMatchObject({ state: 'unknown', reason: expect.stringContaining('PixVerse') as string, invalidated: false });
  }, 60_000);
});
