import { startService, type Service } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import type { RunningCache } from './running-cache';
import { serversOf } from './vendor';

/** The cache-manager as a process on the folder of a cache that is shut down; it can be killed. */
export class CacheProcess {
  private constructor(private readonly service: Service) {}

  static async start(cache: RunningCache, env: NodeJS.ProcessEnv = {}): Promise<CacheProcess> {
    const service = await startService('cache-manager', serversOf(cache), { ...cache.environment, HTTP_PORT: '0', LOG_LEVEL: 'info', ...env });
    await eventually(async () => expect((await fetch(`${service.httpUrl}/readyz`)).status).toBe(200));
    return new CacheProcess(service);
  }

  get exited(): Service['exited'] {
    return this.service.exited;
  }

  async stop(): Promise<void> {
    await this.service.stop();
  }
}
