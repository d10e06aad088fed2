import { createHash, randomBytes } from 'node:crypto';
import { stepBoundary } from '@ferry/observability';
import { ProviderError } from './provider-error';

/** All that was read of a file. */
export interface SeenContent {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Returns when the upload may be committed; throws where it may not. */
export type Release = (seen: SeenContent) => Promise<void>;

export interface MultipartFile {
  readonly field: string;
  readonly filename: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface MultipartOptions {
  readonly fields?: Readonly<Record<string, string>>;
  readonly file: MultipartFile;
  readonly release: Release;
  /** Told of every chunk that was read. */
  readonly onBytes?: (count: number) => void;
}

/** As HTML forms write names: no header can be injected, nothing is lost. */
const quoted = (text: string): string => `"${text.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22')}"`;

const wrongLength = (read: number, announced: number): ProviderError =>
  new ProviderError('protocol', `The file has ${read} bytes instead of ${announced}.`, { code: read < announced ? 'CONTENT_TRUNCATED' : 'CONTENT_TOO_LONG' });

/**
 * A multipart/form-data body with one file, of exact length, that streams. The file's last chunk and the closing
 * boundary are held back until all of the file was read and `release` has returned, so a vendor never has a complete body before.
 */
export class MultipartUpload implements AsyncIterable<Buffer> {
  readonly contentType: string;
  readonly contentLength: number;
  private readonly head: Buffer;
  private readonly tail: Buffer;
  private finished = false;

  constructor(private readonly options: MultipartOptions) {
    const boundary = `ferry-${randomBytes(16).toString('hex')}`;
    const fields = Object.entries(options.fields ?? {}).map(
      ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(name)}\r\n\r\n${value}\r\n`,
    );
    const { field, filename, mimeType, sizeBytes } = options.file;
    const disposition = `Content-Disposition: form-data; name=${quoted(field)}; filename=${quoted(filename)}`;
    this.head = Buffer.from(`${fields.join('')}--${boundary}\r\n${disposition}\r\nContent-Type: ${mimeType}\r\n\r\n`);
    this.tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    this.contentType = `multipart/form-data; boundary=${boundary}`;
    this.contentLength = this.head.length + sizeBytes + this.tail.length;
  }

  /** Whether the last bytes were handed out. */
  get complete(): boolean {
    return this.finished;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const { file, release, onBytes } = this.options;
    const hash = createHash('sha256');
    let sizeBytes = 0;
    let held = this.head;
    for await (const chunk of file.content) {
      sizeBytes += chunk.length;
      if (sizeBytes > file.sizeBytes) throw wrongLength(sizeBytes, file.sizeBytes);
      hash.update(chunk);
      onBytes?.(chunk.length);
      yield held;
      if (sizeBytes * 2 > file.sizeBytes) stepBoundary('provider.half-sent');
      held = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    }
    if (sizeBytes < file.sizeBytes) throw wrongLength(sizeBytes, file.sizeBytes);
    stepBoundary('provider.before-release');
    await release({ sizeBytes, sha256: hash.digest('hex') });
    stepBoundary('provider.before-commit-bytes');
    yield held;
    this.finished = true;
    yield this.tail;
    stepBoundary('provider.after-commit-bytes');
  }
}
