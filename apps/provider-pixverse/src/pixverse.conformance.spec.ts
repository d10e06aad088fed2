import { describeProviderConformance, type ConformanceSubject } from '@ferry/testing/provider-conformance';
import { PIXVERSE_ERRORS } from './pixverse.errors';
import { createPixverse } from './pixverse.provider';
import { PixverseSettings } from './pixverse.settings';

const subject: ConformanceSubject = {
  providerId: 'pixverse',
  simulated: 'pixverse',
  create: (baseUrl, dependencies) => createPixverse(Object.assign(new PixverseSettings(), { PIXVERSE_BASE_URL: baseUrl }), dependencies),
  uploads: [
    { variant: 'media', kind: 'video', mimeType: 'video/mp4', fixture: 'pixverse-harbour.mp4', operation: 'media-upload', idType: 'media' },
    { variant: 'media', kind: 'audio', mimeType: 'audio/mpeg', fixture: 'pixverse-voice.mp3', operation: 'media-upload', idType: 'media' },
    { variant: 'image', kind: 'image', mimeType: 'image/png', fixture: 'fixture.png', operation: 'image-upload', idType: 'image' },
  ],
  downloads: [
    { name: 'by id', operation: 'media-download', origin: ({ id }) => ({ forms: { id, idType: 'video' }, kind: 'video' }) },
    { name: 'by link', operation: 'media-download', origin: ({ url }) => ({ forms: { url }, kind: 'video' }) },
  ],
  unknownOrigin: { forms: { id: '9007199254740993', idType: 'video' }, kind: 'video' },
  errors: Object.entries(PIXVERSE_ERRORS).map(([code, [kind]]) => ({ code: Number(code), kind })),
};

describeProviderConformance(subject, (rig) => {
  const download = (id: string) => rig().adapter.downloadAsset!(rig().account, { forms: { id, idType: 'video' }, kind: 'video' }, { signal: AbortSignal.timeout(5_000) });

  it.each([
    [2, 'unavailable', true],
    [5, 'unavailable', true],
    [6, 'not-found', false],
    [7, 'rejected-by-policy', false],
    [8, 'not-found', false],
    [99, 'unavailable', true],
  ])('touches no file of a video in status %i', async (jobStatus, kind, retryable) => {
    const { id } = await rig().seed(Buffer.from('bytes'));
    await rig().fault('video-result', { jobStatus });
    await expect(download(id)).rejects.toMatchObject({ kind, retryable, code: `STATUS_${jobStatus}` });
    expect((await rig().counts()).operations).toEqual({ 'video-result': 1 });
  });

  it('refuses a placeholder, also of a video that is done', async () => {
    const { id } = await rig().seed(Buffer.from('bytes'));
    await rig().fault('video-result', { resultUrl: 'https://media.pixverse.ai/media/default.mp4?x=1' });
    await expect(download(id)).rejects.toMatchObject({ kind: 'protocol', code: 'PLACEHOLDER' });
  });

  it('takes a missing file of a finished video as not there yet', async () => {
    const { id } = await rig().seed(Buffer.from('bytes'));
    await rig().fault('media-download', { status: 404 });
    await expect(download(id)).rejects.toMatchObject({ kind: 'not-found', retryable: true });
  });
});
