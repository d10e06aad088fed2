import { Cancelled, type DownloadedAsset } from '@ferry/provider-sdk';
import { eventually } from '@ferry/testing/specs';
import { patterned, sha256 } from './media-file';
import { SECRET_KEY, type Rig } from './rig';
import { statusKinds } from './status-kinds';
import type { ConformanceDownload, ConformanceSubject, Seeded } from './subject';

const MIB = 1024 * 1024;

export const downloadSuite = (subject: ConformanceSubject, rig: () => Rig): void => {
  const open = (download: ConformanceDownload, seeded: Seeded, signal = AbortSignal.timeout(20_000)): Promise<DownloadedAsset> =>
    rig().adapter.downloadAsset!(rig().account, download.origin(seeded), { signal });

  const read = async (asset: DownloadedAsset): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of asset.body as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  describe.each(subject.downloads)('download $name', (download) => {
    const failed = async (seeded: Seeded): Promise<Error> => {
      const outcome = await open(download, seeded)
        .then(read)
        .catch((error: unknown) => error as Error);
      expect(outcome).toBeInstanceOf(Error);
      expect(`${String(outcome)} ${JSON.stringify(outcome)}`).not.toMatch(new RegExp(`${SECRET_KEY}|https?://`));
      return outcome as Error;
    };

    it.each([
      ['1 B', 1],
      ['1 MiB + 1', MIB + 1],
      ['8 MiB', 8 * MIB],
    ])('gives %s byte for byte, with its length', async (_name, sizeBytes) => {
      const seeded = await rig().seed(patterned(sizeBytes));
      const asset = await open(download, seeded);
      expect(asset).toMatchObject({ sizeBytes, mimeType: 'video/mp4' });
      expect(sha256(await read(asset))).toBe(seeded.sha256);
    });

    it('refuses an empty file', async () => {
      expect(await failed(await rig().seed(Buffer.alloc(0)))).toMatchObject({ kind: 'protocol', code: 'CONTENT_EMPTY' });
    });

    it('gives a file whose length is not announced', async () => {
      await rig().fault(download.operation, { unknownLength: true });
      const seeded = await rig().seed(patterned(MIB));
      const asset = await open(download, seeded);
      expect(asset.sizeBytes).toBeUndefined();
      expect(sha256(await read(asset))).toBe(seeded.sha256);
    });

    it.each([0, 1, 100_000, MIB - 1])('fails for a body that breaks off after %i bytes', async (truncateAt) => {
      await rig().fault(download.operation, { truncateAt });
      expect(await failed(await rig().seed(patterned(MIB)))).toMatchObject({ kind: 'protocol', code: 'CONTENT_TRUNCATED', retryable: true });
    });

    it('fails for an HTML page', async () => {
      await rig().fault(download.operation, { html: true });
      expect(await failed(await rig().seed(patterned(10)))).toMatchObject({ kind: 'protocol', code: 'CONTENT_TYPE_MISMATCH' });
    });

    it.each([...statusKinds, { status: 404, kind: 'not-found' }])('HTTP $status is $kind', async ({ status, kind }) => {
      await rig().fault(download.operation, { status });
      expect(await failed(await rig().seed(patterned(10)))).toMatchObject({ kind, status });
    });

    it('tells how long a limit asks to wait', async () => {
      await rig().fault(download.operation, { status: 429, retryAfter: '3' });
      expect(await failed(await rig().seed(patterned(10)))).toMatchObject({ kind: 'throttled', retryAfterMs: 3000 });
    });

    it('follows a redirect to another host without the credentials', async () => {
      rig().otherHost.bytes = patterned(1000);
      await rig().fault(download.operation, { redirectTo: `http://${rig().otherHost.host}/file` });
      expect(await read(await open(download, await rig().seed(patterned(10))))).toEqual(patterned(1000));
      expect(rig().otherHost.requests).toHaveLength(1);
      expect(JSON.stringify(rig().otherHost.requests)).not.toMatch(new RegExp(`${SECRET_KEY}|authorization|api-key|ai-trace-id`, 'i'));
    });

    it('follows no redirect to an address inside', async () => {
      await rig().fault(download.operation, { redirectTo: 'http://127.0.0.1:1/file' });
      expect(await failed(await rig().seed(patterned(10)))).toMatchObject({ kind: 'invalid-request', code: 'ADDRESS_REFUSED' });
    });

    it('follows no more than five redirects', async () => {
      await rig().fault(download.operation, { redirectTo: `http://${rig().otherHost.host}/loop` });
      expect(await failed(await rig().seed(patterned(10)))).toMatchObject({ kind: 'protocol' });
      expect(rig().otherHost.requests).toHaveLength(5);
    });

    it('closes the connection when it is cancelled in the middle, and when nobody reads on', async () => {
      await rig().fault(download.operation, { bytesPerSecond: 100_000 });
      const seeded = await rig().seed(patterned(8 * MIB));
      const stop = new AbortController();
      const cancelled = await open(download, seeded, stop.signal);
      const reading = read(cancelled);
      stop.abort(new Cancelled('cancelled'));
      await expect(reading).rejects.toBeInstanceOf(Cancelled);
      (await open(download, seeded)).body.destroy();
      await eventually(async () => expect(await rig().counts()).toMatchObject({ open: 0, aborted: 2, downloads: 0 }));
    });

    it('gives up at the deadline', async () => {
      await rig().fault(download.operation, { latencyMs: 60_000 });
      const seeded = await rig().seed(patterned(10));
      await expect(open(download, seeded, AbortSignal.timeout(100))).rejects.toMatchObject({ kind: 'timeout' });
    });

    it('asks the vendor for no more than is read', async () => {
      const seeded = await rig().seed(patterned(24 * MIB));
      const asset = await open(download, seeded);
      await new Promise((readable) => asset.body.once('readable', readable));
      expect((await rig().counts()).bytesOut).toBeLessThan(12 * MIB);
      expect(sha256(await read(asset))).toBe(seeded.sha256);
    });
  });

  it('knows nothing of an origin that the vendor does not have', async () => {
    const opened = rig().adapter.downloadAsset!(rig().account, subject.unknownOrigin, { signal: AbortSignal.timeout(5_000) });
    await expect(opened).rejects.toMatchObject({ kind: 'not-found', retryable: false });
  });

  it('refuses an origin that names nothing', async () => {
    const opened = rig().adapter.downloadAsset!(rig().account, { forms: {}, kind: 'video' }, { signal: AbortSignal.timeout(5_000) });
    await expect(opened).rejects.toMatchObject({ kind: 'invalid-request' });
    expect(await rig().counts()).toMatchObject({ requests: 0 });
  });
};
