import { assetStream } from '@ferry/domain/asset/events';
import { startSimulator, type Simulator } from '@ferry/provider-simulator';
import { startService, type Service } from '@ferry/testing/servers';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fixture, type RunningCache } from './running-cache';

export const OWNER = 'dev';
const ACCOUNTS = JSON.stringify([{ accountId: 'main', apiKey: 'spec-pixverse-key', owners: [OWNER], defaultFor: [OWNER] }]);
const BOX_HEADER_BYTES = 8;

export const serversOf = ({ environment: { NATS_URL, EVENTSTORE_URL } }: RunningCache) => ({
  urls: { NATS_URL: NATS_URL!, EVENTSTORE_URL: EVENTSTORE_URL!, MONGODB_URL: '' },
});

/** The simulated vendor and its adapter, which the cache asks whether an origin lives. */
export class Vendor {
  private constructor(
    private readonly cache: RunningCache,
    private readonly simulator: Simulator,
    private readonly adapter: Service,
    readonly video: Buffer,
  ) {}

  static async start(cache: RunningCache): Promise<Vendor> {
    const simulator = await startSimulator({ dataDir: join(cache.folder.path, 'simulator') });
    const env = { PIXVERSE_BASE_URL: simulator.pixverseUrl, PIXVERSE_ACCOUNTS: ACCOUNTS, FERRY_DATA_HOSTS: '127.0.0.1:1' };
    const adapter = await startService('provider-pixverse', serversOf(cache), env);
    return new Vendor(cache, simulator, adapter, await fixture('pixverse-harbour.mp4'));
  }

  async stop(): Promise<void> {
    await this.adapter.stop();
    await this.simulator.close();
  }

  /** An asset whose origin lives at the vendor, or is not known there. */
  async asset(isAlive: boolean, expiresAt?: string): Promise<string> {
    const assetId = randomUUID();
    const forms = { id: isAlive ? await this.seed() : '1', idType: 'video' };
    const origin = { providerId: 'pixverse', accountId: 'main', forms, ...(expiresAt ? { expiresAt } : {}) };
    await this.cache.append(assetStream(assetId), OWNER, { type: 'AssetRegistered', data: { life: 1, origin, kind: 'video', capture: 'onDemand' } });
    return assetId;
  }

  /** The same video with free space in its container: another content each time. */
  content(freeBytes = 16): Buffer {
    return otherContent(this.video, freeBytes);
  }

  private async seed(): Promise<string> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ provider: 'pixverse', kind: 'video', fixture: 'pixverse-harbour.mp4' }) };
    return ((await (await fetch(`${this.simulator.controlUrl}/seed`, init)).json()) as { id: string }).id;
  }
}

/** The same video with free space in its container: another content each time. */
export const otherContent = (video: Buffer, freeBytes = 16): Buffer => {
  const free = Buffer.alloc(BOX_HEADER_BYTES + freeBytes);
  free.writeUInt32BE(free.length);
  free.write('free', 4);
  free.write(randomUUID().slice(0, 16), BOX_HEADER_BYTES);
  return Buffer.concat([video, free]);
};
