import { randomUUID } from 'node:crypto';
import { HttpClient, type Account, type FileToUpload, type ProviderAdapter, type UploadContext } from '@ferry/provider-sdk';
import { startSimulator, type Counts, type Fault, type Simulator, type StoredObject } from '@ferry/provider-simulator';
import { tempDir, type TempDir } from '@ferry/testing/specs';
import { sha256, type MediaFile } from './media-file';
import { OtherHost } from './other-host';
import type { ConformanceSubject, ConformanceUpload, Seeded } from './subject';

/** Nothing that leaves an adapter may show it. */
export const SECRET_KEY = 'conformance-secret-key-0123456789';

/** The simulator, an adapter that talks to it, and a second host that redirects may lead to. */
export class Rig {
  private constructor(
    readonly subject: ConformanceSubject,
    readonly simulator: Simulator,
    readonly adapter: ProviderAdapter,
    readonly otherHost: OtherHost,
    private readonly http: HttpClient,
    private readonly directory: TempDir,
  ) {}

  static async start(subject: ConformanceSubject): Promise<Rig> {
    const directory = await tempDir('ferry-conformance-');
    const simulator = await startSimulator({ dataDir: directory.path });
    const otherHost = await OtherHost.start();
    const baseUrl = subject.simulated === 'pixverse' ? simulator.pixverseUrl : simulator.openaiUrl;
    const http = new HttpClient({ apiUrl: baseUrl, allowedHosts: [new URL(baseUrl).host, otherHost.host] });
    const adapter = subject.create(baseUrl, { http, now: Date.now, uuid: randomUUID });
    return new Rig(subject, simulator, adapter, otherHost, http, directory);
  }

  async stop(): Promise<void> {
    await this.http.close();
    await this.otherHost.close();
    await this.simulator.close();
    await this.directory.remove();
  }

  readonly account: Account = { accountId: 'main', apiKey: SECRET_KEY, owners: ['dev'] };

  async reset(): Promise<void> {
    await this.control('DELETE', 'faults');
    await this.control('DELETE', 'counters');
    this.otherHost.requests.length = 0;
  }

  async fault(operation: string, fault: Omit<Fault, 'provider' | 'operation'>): Promise<void> {
    await this.control('POST', 'faults', { provider: this.subject.simulated, operation, ...fault });
  }

  async counts(): Promise<Counts> {
    const all = await this.control<Record<string, Counts>>('GET', 'counters');
    return all[this.subject.simulated]!;
  }

  async stored(): Promise<StoredObject[]> {
    const { objects } = await this.control<{ objects: StoredObject[] }>('GET', 'objects');
    return objects.filter(({ provider }) => provider === this.subject.simulated);
  }

  /** Puts a finished video at the vendor. */
  async seed(bytes: Buffer): Promise<Seeded> {
    const response = await fetch(`${this.simulator.controlUrl}/seed?provider=${this.subject.simulated}&kind=video`, {
      method: 'POST',
      headers: { 'content-type': 'video/mp4' },
      body: new Uint8Array(bytes),
    });
    return (await response.json()) as Seeded;
  }

  advanceClock(advanceMs: number): Promise<object> {
    return this.control('POST', 'clock', { advanceMs });
  }

  upload(upload: ConformanceUpload, file: MediaFile, context: Partial<UploadContext> & { filename?: string; content?: AsyncIterable<Uint8Array> } = {}) {
    const { filename = 'ferry-0-1.bin', content = file.chunks(), ...rest } = context;
    const given: FileToUpload = {
      ...{ filename, kind: upload.kind, mimeType: upload.mimeType, sizeBytes: file.bytes.length, sha256: sha256(file.bytes), content },
    };
    const defaults: UploadContext = { signal: AbortSignal.timeout(20_000), onBytes: () => undefined, release: async () => undefined, accepted: async () => undefined };
    return this.adapter.uploadAsset!(this.account, given, upload.variant, { ...defaults, ...rest });
  }

  private async control<Answer extends object>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.simulator.controlUrl}/${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}
