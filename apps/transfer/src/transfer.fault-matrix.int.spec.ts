import { createServer } from 'node:http';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DOWNLOAD_FAULTS, type DownloadFault } from './testing/download-faults';
import { accountOf, accounts, keyOf, beginDownloadFault, beginUploadFault, type Ending, type RowResult } from './testing/fault-rows';
import { Rig } from './testing/rig';
import { UPLOAD_FAULTS, type UploadFault } from './testing/upload-faults';

/** Cases that have a row of their own: a redirected upload, one that is reset, an endless body, changed content. */
const OTHERS = 4;
const ROWS = DOWNLOAD_FAULTS.length + UPLOAD_FAULTS.length + OTHERS;
const OTHER = { redirect: accountOf(ROWS - 1), reset: accountOf(ROWS - 2), endless: accountOf(ROWS - 3), changed: accountOf(ROWS - 4) };
const CACHE_BYTES = 256 * 1024 ** 2;

/** Short where a row waits for it, and yet long enough for a machine that is busy. */
const DEADLINES = { PROVIDER_ANSWER_TIMEOUT_MS: '10000', PROVIDER_STALL_TIMEOUT_MS: '6000' };
const ENGINE = { TRANSFER_ATTEMPTS: '2', TRANSFER_JOB_DEADLINE_MS: '30000', TRANSFER_RETRIES_PER_MINUTE: '10000', TRANSFER_WORKERS: '40' };

const LARGE_BYTES = 32 * 1024 * 1024;

/** All rows run beside each other, before the first of them is looked at. */
describe('what goes wrong at a provider', () => {
  let rig: Rig;
  const downloads = new Map<string, RowResult>();
  const uploads = new Map<string, RowResult>();
  let sources: Record<UploadFault['to'] | 'large', string>;

  beforeAll(async () => {
    rig = await Rig.start({
      // Within the time of a lease after its start the cache evicts nothing: what finds no room then is to come again.
      'cache-manager': { CACHE_LEASE_SECONDS: '5' },
      'provider-pixverse': { PIXVERSE_ACCOUNTS: accounts('pixverse', ROWS), ...DEADLINES },
      'provider-sora': { SORA_ACCOUNTS: accounts('sora', ROWS), ...DEADLINES },
    });
    await rig.startService('transfer', 'transfer', ENGINE);
    sources = { sora: await cachedVideo('pixverse', 'sora'), pixverse: await cachedVideo('openai', 'pixverse'), large: await cachedVideo('pixverse', 'sora', LARGE_BYTES) };
    const accountOfUpload = (index: number) => accountOf(DOWNLOAD_FAULTS.length + index);
    const endings: (() => Promise<unknown>)[] = [];
    const begun = (results: Map<string, RowResult>, name: string, ending: Ending) => endings.push(async () => results.set(name, await ending()));
    for (const [index, row] of DOWNLOAD_FAULTS.entries()) begun(downloads, row.name, await beginDownloadFault(rig, row, accountOf(index)));
    for (const [index, row] of UPLOAD_FAULTS.entries()) begun(uploads, row.name, await beginUploadFault(rig, row, sources[row.large ? 'large' : row.to], accountOfUpload(index)));
    await Promise.all(endings.map((ending) => ending()));
  }, 300_000);
  afterAll(() => rig?.close(), 60_000);

  /** A video that is in the cache, so that what fails afterwards is an upload. */
  const cachedVideo = async (provider: 'pixverse' | 'openai', to: 'sora' | 'pixverse', freeBytes?: number): Promise<string> => {
    const { id } = await rig.seed(provider, 'video', provider === 'pixverse' ? 'pixverse-harbour.mp4' : 'sora-lighthouse.mp4', freeBytes);
    const providerId = provider === 'pixverse' ? 'pixverse' : 'sora';
    const assetId = await rig.register({ kind: 'video', origin: { providerId, accountId: OTHER.changed, forms: { id, idType: 'video' } } });
    await rig.resolved(assetId, to, { accountId: OTHER.changed });
    return assetId;
  };

  describe('with a download', () => {
    it.each(DOWNLOAD_FAULTS)('$name', ({ name, kind, attempts, calls, recovers, content, declared, faults }: DownloadFault) => {
      const { told, references, accepted, ...result } = downloads.get(name)!;
      const expected = {
        ended: recovers ? 'TransferCompleted' : kind,
        failed: Array.from({ length: attempts }, () => kind),
        calls: faults ? (calls ?? attempts) : 0,
        cached: recovers === true,
        folder: recovers === true,
        orphans: 0,
      };
      expect([result, told.length > 0, content ?? declared ?? faults]).toEqual([expected, true, expect.anything()]);
      // What the vendor accepted is what is handed out, and nothing else.
      expect(accepted).toHaveLength(recovers ? 1 : 0);
      expect(references).toEqual(accepted);
    });
  });

  describe('with an upload', () => {
    it.each(UPLOAD_FAULTS)('$name ($to)', ({ name, kind, attempts, recovers, orphans, accepted: files, fault }: UploadFault) => {
      const { ended, failed, calls, references, accepted, orphans: recorded } = uploads.get(name)!;
      const ready = kind === undefined || recovers === true;
      expect({ ended, failed, calls }).toEqual({
        ended: ready ? 'TransferCompleted' : kind,
        failed: Array.from({ length: attempts }, () => kind),
        calls: fault ? attempts : 0,
      });
      if (orphans !== undefined) expect(recorded).toBe(orphans);
      expect(accepted).toHaveLength(files);
      expect(references).toHaveLength(ready ? 1 : 0);
      if (ready) expect(accepted).toContain(references[0]);
    });
  });

  it('tells what an unknown answer says, without links, keys and tokens', () => {
    expect(uploads.get('a telltale')!.told).toContain('It begins: {\\"error\\":\\"the key [key] may not use [link]');
    expect(uploads.get('malformed JSON')!.told).toContain('It begins: {\\"ErrCode\\":0,\\"Resp\\":{\\"media_id\\":12');
    expect(downloads.get('a JSON error with 200')!.told).toContain('It begins: {\\"error\\":\\"no such thing\\"}');
    const logs = ['transfer', 'cache-manager', 'provider-pixverse', 'provider-sora', 'asset-catalog'].map((name) => rig.service(name).output());
    const told = [...logs, ...[...downloads.values(), ...uploads.values()].map((row) => row.told)].join('\n');
    for (const secret of ['-secret-of-', 'deadbeef', '0123456789abcdef', '/pixverse/media/', 'media.invalid', '/etc/passwd', 'meta-data']) {
      expect([secret, told.indexOf(secret) < 0 ? '' : told.slice(told.indexOf(secret) - 200, told.indexOf(secret) + 100)]).toEqual([secret, '']);
    }
  });

  it('leaves no byte of what failed in the cache', async () => {
    const kept = [...downloads.values()].filter(({ cached }) => cached).length + Object.keys(sources).length;
    expect(await readdir(join(rig.cacheDir, 'assets'))).toHaveLength(kept);
    expect(await rig.cacheUsage()).toMatchObject({ files: kept, reservedBytes: 0 });
  });

  it('sends no byte and no key after a redirect of an upload', async () => {
    const seen: string[] = [];
    const stranger = createServer((request, response) => {
      seen.push(JSON.stringify(request.headers));
      response.end('{"id":"char_stranger"}');
    }).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const redirectTo = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/v1/videos/characters`;
    const row: UploadFault = { name: 'a redirect', to: 'sora', fault: { redirectTo, status: 307, afterBody: true }, attempts: 2, accepted: 0 };
    const { ended, failed, calls, accepted } = await (await beginUploadFault(rig, row, sources.sora, OTHER.redirect))();
    stranger.close();
    expect({ ended, failed, calls, accepted, seen }).toEqual({ ended: 'protocol', failed: ['protocol', 'protocol'], calls: 2, accepted: [], seen: [] });
  }, 120_000);

  it('sends a file again that was reset in its middle, of which the vendor keeps nothing', async () => {
    const { id } = await rig.seedVideo({ freeBytes: 40_000_000 });
    const assetId = await rig.register({ kind: 'video', origin: { providerId: 'pixverse', accountId: OTHER.reset, forms: { id, idType: 'video' } } });
    const row: UploadFault = { name: 'a reset in the body', to: 'sora', fault: { resetAt: 5_000_000, times: 1 }, attempts: 1, accepted: 1 };
    const { ended, failed, accepted, references, orphans } = await (await beginUploadFault(rig, row, assetId, OTHER.reset))();
    expect({ ended, failed, orphans, references }).toEqual({ ended: 'TransferCompleted', failed: ['unavailable'], orphans: 0, references: accepted });
    expect(accepted).toHaveLength(1);
  }, 120_000);

  it('breaks an endless body off when it is larger than the cache', async () => {
    const row: DownloadFault = { name: 'endless', faults: () => [{ endless: true, contentType: 'video/mp4' }], kind: 'cache-full', attempts: 1 };
    const { ended, failed, calls, cached, folder, references } = await (await beginDownloadFault(rig, row, OTHER.endless))();
    expect({ ended, failed, calls, cached, folder, references }).toEqual({ ended: 'cache-full', failed: ['cache-full'], calls: 1, cached: false, folder: false, references: [] });
    expect((await rig.cacheUsage()).usedBytes).toBeLessThan(CACHE_BYTES / 2);
  }, 120_000);

  it('takes no other content for an asset that is known', async () => {
    const { id, url } = await rig.seed('pixverse', 'video', 'pixverse-harbour.mp4');
    const assetId = await rig.register({ kind: 'video', origin: { providerId: 'pixverse', accountId: OTHER.changed, forms: { id, idType: 'video' } } });
    await rig.resolved(assetId, 'sora', { accountId: OTHER.changed });
    await rig.service('cache-manager').stop();
    await rm(join(rig.cacheDir, 'assets', assetId), { recursive: true });
    await rig.startService('cache-manager');
    const other = await rig.seed('openai', 'video', 'sora-lighthouse.mp4');
    const path = new URL(url).pathname.split('/').at(-1)!;
    const bytes = await (await fetch(other.url, { headers: { authorization: 'Bearer any' } })).arrayBuffer();
    const { url: redirectTo } = await rig.seedVideo({ bytes: Buffer.from(bytes), mimeType: 'video/mp4' });
    await rig.fault({ provider: 'pixverse', operation: 'media-download', path, redirectTo, name: 'changed' });
    const { transferId } = (await rig.resolve(assetId, 'sora', { accountId: OTHER.reset })) as { transferId: string };
    await expect(rig.outcome(assetId, 'sora', transferId)).rejects.toMatchObject({ code: 'TRANSFER_FAILED', details: { kind: 'content-changed' } });
    expect((await rig.faultCalls())['changed']).toBe(1);
    expect(await rig.accepted(keyOf('sora', OTHER.reset))).toHaveLength(1);
  }, 120_000);
});
