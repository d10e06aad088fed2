import { Messaging, type Listener } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { bootstrapService } from '@ferry/service-host';
import { natsServer, type TestServer } from '@ferry/testing/servers';
import { tempDir, type TempDir } from '@ferry/testing/specs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { edge } from '../edge';
import { GatewayModule } from '../gateway.module';

export const ALICE = 'alice-key-0123456789';
export const BOB = 'bob-key-0123456789';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export const KEYS = [
  { name: 'alice-laptop', sha256: sha256(ALICE), owner: 'alice', scopes: ['admin'] },
  { name: 'bob-laptop', sha256: sha256(BOB), owner: 'bob' },
];

/** The gateway on a real NATS, with answers of the services' contracts behind it. */
export class GatewayUnderTest {
  readonly asked: { subject: string; request: Record<string, unknown> }[] = [];

  private constructor(
    private readonly nats: TestServer,
    readonly services: Messaging,
    readonly app: NestFastifyApplication,
    readonly url: string,
    readonly keysFile: string,
    private readonly directory: TempDir,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<GatewayUnderTest> {
    const nats = await natsServer();
    const directory = await tempDir('ferry-gateway-');
    const keysFile = join(directory.path, 'keys.json');
    await writeFile(keysFile, JSON.stringify(KEYS));
    Object.assign(process.env, {
      LOG_LEVEL: 'silent',
      NATS_URL: nats.url,
      GATEWAY_PORT: '0',
      API_KEYS_FILE: keysFile,
      FERRY_PROVIDERS: 'pixverse,sora',
      ...env,
    });
    const services = await Messaging.connect({ url: nats.url, name: 'services', logger: createLogger('specs') });
    const app = await bootstrapService(GatewayModule, { name: 'gateway', edge });
    return new GatewayUnderTest(nats, services, app, await app.getUrl(), keysFile, directory);
  }

  /** Answers a subject, and remembers what it was asked. */
  async answer<T extends object>(subject: string, type: new () => T, responder: (request: T) => object | Promise<object>): Promise<Listener> {
    const listener = this.services.respond(subject, type, async (request) => {
      this.asked.push({ subject, request: JSON.parse(JSON.stringify(request)) as Record<string, unknown> });
      return responder(request);
    });
    await this.services.flush();
    return listener;
  }

  requests(subject: string): Record<string, unknown>[] {
    return this.asked.filter((asked) => asked.subject === subject).map(({ request }) => request);
  }

  call(method: string, path: string, { key = ALICE, body, headers = {}, signal }: CallOptions = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  }

  stopNats(): Promise<void> {
    return this.nats.stop();
  }

  /** On the same port, so that everybody comes back by itself. */
  restartNats(): Promise<void> {
    return this.nats.start();
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.services.close();
    await this.nats.stop();
    await this.directory.remove();
  }
}

export interface CallOptions {
  readonly key?: string;
  readonly body?: object | string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}
