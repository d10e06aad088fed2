import { downloadStream, type DownloadEvent } from '@ferry/domain/download/events';
import type { RecordedEvent } from '@ferry/kernel';
import type { Service } from '@ferry/testing/servers';
import { eventually, freePort } from '@ferry/testing/specs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Rig } from './testing/rig';

/** Bytes per second of a vendor whose download lasts long enough to be watched. */
const SLOW = 4_000_000;

let rig: Rig;
let folders: Readonly<Record<string, string>>;

beforeAll(async () => {
  const [first, second] = [String(await freePort()), String(await freePort())];
  const adapter = { FERRY_DATA_HOSTS: `127.0.0.1:${first},127.0.0.1:${second}` };
  rig = await Rig.start({ 'cache-manager': { CACHE_DATA_PORT: first }, 'provider-pixverse': adapter, 'provider-sora': adapter });
  folders = { 'node-1': rig.cacheDir, 'node-2': `${rig.cacheDir}-2` };
  await Promise.all([rig.startService('cache-manager', 'node-2', { CACHE_NODE_ID: 'node-2', CACHE_DIR: folders['node-2'], CACHE_DATA_PORT: second }), rig.startService('transfer')]);
  await eventually(async () => expect((await rig.cacheUsage()).nodes).toHaveLength(2));
}, 120_000);
afterAll(() => rig?.close());

const nodeOf = (nodeId: string): Service => rig.service(nodeId === 'node-1' ? 'cache-manager' : nodeId);
const downloadEvents = (assetId: string) => rig.store.read<DownloadEvent>(downloadStream(assetId));
const ofType = <T extends DownloadEvent['type']>(events: readonly RecordedEvent<DownloadEvent>[], type: T) =>
  events.filter((event) => event.type === type).map(({ data }) => data as Extract<DownloadEvent, { type: T }>['data']);

describe('with several cache nodes', () => {
  it('each asset is brought to its home, and uploads read it there', async () => {
    const assets: string[] = [];
    const used = new Set<string>();
    while (used.size < 2) {
      const assetId = await rig.pixverseVideo();
      await rig.resolved(assetId, 'sora');
      const events = await downloadEvents(assetId);
      expect(ofType(events, 'DownloadStarted').map(({ nodeId }) => nodeId)).toEqual(ofType(events, 'DownloadCompleted').map(({ nodeId }) => nodeId));
      used.add(ofType(events, 'DownloadCompleted')[0]!.nodeId);
      assets.push(assetId);
    }
    const { downloads } = await rig.counts('pixverse');
    for (const assetId of assets) await rig.resolved(assetId, 'sora', { accountId: 'sora-second' });
    expect((await rig.counts('pixverse')).downloads).toBe(downloads);
  }, 120_000);

  it('a download whose node dies goes on at another one, and so does the upload that followed it', async () => {
    await rig.limit('pixverse', { bytesPerSecondOut: SLOW });
    const assetId = await rig.largePixverseVideo();
    const { transferId } = (await rig.resolve(assetId, 'sora')) as { transferId: string };
    const nodeId = await eventually(async () => {
      const [started] = ofType(await downloadEvents(assetId), 'DownloadStarted');
      expect((await readdir(join(folders[started!.nodeId]!, 'tmp'))).length).toBeGreaterThan(0);
      return started!.nodeId;
    });
    await nodeOf(nodeId).stop('SIGKILL');
    await rig.clearLimits();
    await rig.outcome(assetId, 'sora', transferId);
    const events = await downloadEvents(assetId);
    expect(ofType(events, 'DownloadCompleted')).toHaveLength(1);
    expect(ofType(events, 'DownloadCompleted')[0]!.nodeId).not.toBe(nodeId);
    expect(ofType(events, 'DownloadAttemptFailed').length).toBeGreaterThan(0);
  }, 120_000);
});
