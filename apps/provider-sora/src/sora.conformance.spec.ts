import { describeProviderConformance, type ConformanceSubject } from '@ferry/testing/provider-conformance';
import { SORA_ERRORS } from './sora.errors';
import { createSora } from './sora.provider';
import { SoraSettings } from './sora.settings';

const subject: ConformanceSubject = {
  providerId: 'sora',
  simulated: 'openai',
  create: (baseUrl, dependencies) => createSora(Object.assign(new SoraSettings(), { SORA_BASE_URL: baseUrl }), dependencies),
  uploads: [
    { variant: 'character', kind: 'video', mimeType: 'video/mp4', fixture: 'pixverse-harbour.mp4', operation: 'character-create', idType: 'character' },
    { variant: 'file', kind: 'image', mimeType: 'image/png', fixture: 'fixture.png', operation: 'file-create', idType: 'file' },
  ],
  downloads: [{ name: 'by id', operation: 'video-content', origin: ({ id }) => ({ forms: { id, idType: 'video' }, kind: 'video' }) }],
  unknownOrigin: { forms: { id: 'video_0', idType: 'video' }, kind: 'video' },
  errors: Object.entries(SORA_ERRORS).map(([code, kind]) => ({ code, status: 400, kind })),
};

describeProviderConformance(subject, (rig) => {
  const download = (id: string) => rig().adapter.downloadAsset!(rig().account, { forms: { id, idType: 'video' }, kind: 'video' }, { signal: AbortSignal.timeout(5_000) });

  it.each([
    ['queued', 'unavailable', true],
    ['in_progress', 'unavailable', true],
    ['failed', 'not-found', false],
    ['expired', 'not-found', false],
  ])('touches no content of a video that is %s', async (jobStatus, kind, retryable) => {
    const { id } = await rig().seed(Buffer.from('bytes'));
    await rig().fault('video-get', { jobStatus });
    await expect(download(id)).rejects.toMatchObject({ kind, retryable });
    expect((await rig().counts()).operations).toEqual({ 'video-get': 1 });
  });

  it('finds no content after an hour', async () => {
    const { id } = await rig().seed(Buffer.from('bytes'));
    await rig().advanceClock(3_600_001);
    await expect(download(id)).rejects.toMatchObject({ kind: 'not-found', retryable: false });
  });

  it('waits as many milliseconds as OpenAI says exactly', async () => {
    const { id } = await rig().seed(Buffer.from('bytes'));
    await rig().fault('video-content', { status: 429, retryAfter: '0' });
    await expect(download(id)).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 0 });
  });
});
