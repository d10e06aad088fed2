import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { MediaFacts } from './media-facts';

/** One thing that a vendor keeps, with its bytes. Times are milliseconds since 1970. */
export interface StoredObject extends MediaFacts {
  readonly id: string;
  readonly provider: string;
  /** The vendor's kind of thing: `media`, `image`, `result`, `file`, `character`, `video`. */
  readonly type: string;
  /** Hash of the key that made it; absent: every key sees it. */
  readonly account?: string;
  /** Name of the bytes in the data folder; absent: no bytes (yet). */
  readonly blob?: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly mimeType: string;
  readonly filename: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  /** From when on a job is done. */
  readonly readyAt?: number;
  /** What else the vendor tells of it. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Bytes written completely to the data folder that no object names yet. */
export interface ReceivedBytes {
  readonly blob: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

const ZEROS = Buffer.alloc(64 * 1024);

const isZeros = (chunk: Uint8Array): boolean => chunk.length <= ZEROS.length && ZEROS.subarray(0, chunk.length).equals(chunk);

const writeAt = async (file: FileHandle, chunk: Uint8Array, position: number): Promise<void> => {
  for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
};

/** Bytes as files, one JSON file for each object beside them, so that a restart goes on where it was. */
export class ObjectStore {
  private readonly objects = new Map<string, StoredObject>();

  private constructor(private readonly dir: string) {}

  static async open(dir: string): Promise<ObjectStore> {
    const store = new ObjectStore(dir);
    await mkdir(join(dir, 'objects'), { recursive: true });
    await mkdir(join(dir, 'blobs'), { recursive: true });
    for (const name of await readdir(join(dir, 'objects'))) {
      if (!name.endsWith('.json')) continue;
      const object = JSON.parse(await readFile(join(dir, 'objects', name), 'utf8')) as StoredObject;
      store.objects.set(store.key(object.provider, object.type, object.id), object);
    }
    await store.sweep();
    return store;
  }

  /** Writes all of a stream, its zeros at no cost on the disk; on any error nothing stays. */
  async receive(source: AsyncIterable<Uint8Array>): Promise<ReceivedBytes> {
    const blob = randomBytes(16).toString('hex');
    const file = await open(this.pathOf(blob), 'wx');
    const hash = createHash('sha256');
    let sizeBytes = 0;
    try {
      for await (const chunk of source) {
        hash.update(chunk);
        if (!isZeros(chunk)) await writeAt(file, chunk, sizeBytes);
        sizeBytes += chunk.length;
      }
      await file.truncate(sizeBytes);
      await file.close();
      return { blob, sizeBytes, sha256: hash.digest('hex') };
    } catch (error) {
      await file.close();
      await this.discard(blob);
      throw error;
    }
  }

  /** Lengthens what was received by so many zeros, at no cost on the disk. */
  async lengthen({ blob, sizeBytes }: ReceivedBytes, zeros: number): Promise<ReceivedBytes> {
    await truncate(this.pathOf(blob), sizeBytes + zeros);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(this.pathOf(blob), { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
    return { blob, sizeBytes: sizeBytes + zeros, sha256: hash.digest('hex') };
  }

  async discard(blob: string): Promise<void> {
    await rm(this.pathOf(blob), { force: true });
  }

  async put(object: StoredObject): Promise<StoredObject> {
    const path = join(this.dir, 'objects', `${object.provider}-${object.type}-${object.id}.json`);
    await writeFile(`${path}.new`, JSON.stringify(object, null, 2));
    await rename(`${path}.new`, path);
    this.objects.set(this.key(object.provider, object.type, object.id), object);
    return object;
  }

  async delete(object: StoredObject): Promise<void> {
    this.objects.delete(this.key(object.provider, object.type, object.id));
    await rm(join(this.dir, 'objects', `${object.provider}-${object.type}-${object.id}.json`), { force: true });
    if (object.blob !== undefined) await this.discard(object.blob);
  }

  get(provider: string, type: string, id: string): StoredObject | undefined {
    return this.objects.get(this.key(provider, type, id));
  }

  list(): StoredObject[] {
    return [...this.objects.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  pathOf(blob: string): string {
    return join(this.dir, 'blobs', blob);
  }

  /** The first so many bytes. */
  read(blob: string, sizeBytes: number): ReadStream {
    return createReadStream(this.pathOf(blob), { highWaterMark: 256 * 1024, end: Math.max(0, sizeBytes - 1) });
  }

  private key(provider: string, type: string, id: string): string {
    return `${provider}/${type}/${id}`;
  }

  /** Removes what a killed process left half-written. */
  private async sweep(): Promise<void> {
    const named = new Set(this.list().map(({ blob }) => blob));
    for (const blob of await readdir(join(this.dir, 'blobs'))) if (!named.has(blob)) await this.discard(blob);
    for (const name of await readdir(join(this.dir, 'objects'))) {
      if (!name.endsWith('.json')) await rm(join(this.dir, 'objects', name), { force: true });
    }
  }
}
