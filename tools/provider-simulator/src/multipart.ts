/** A multipart body that is not one, or that ends early. */
export class MultipartError extends Error {}

export interface Part {
  readonly name: string;
  readonly filename?: string;
  readonly contentType?: string;
}

const MAX_HEADER_BYTES = 16 * 1024;

/** Reads up to delimiters from a stream of chunks, holding back no more than one delimiter and one chunk. */
class DelimitedReader {
  private buffer: Buffer = Buffer.from('\r\n');
  private readonly chunks: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  async *until(delimiter: Buffer): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const index = this.buffer.indexOf(delimiter);
      if (index >= 0) {
        if (index > 0) yield this.buffer.subarray(0, index);
        this.buffer = this.buffer.subarray(index + delimiter.length);
        return;
      }
      const safe = this.buffer.length - delimiter.length + 1;
      if (safe > 0) {
        yield this.buffer.subarray(0, safe);
        this.buffer = this.buffer.subarray(safe);
      }
      await this.more();
    }
  }

  async bytes(count: number): Promise<string> {
    while (this.buffer.length < count) await this.more();
    const text = this.buffer.subarray(0, count).toString('latin1');
    this.buffer = this.buffer.subarray(count);
    return text;
  }

  /** Reads to the end, so that a body shorter than its Content-Length is noticed. */
  async drain(): Promise<void> {
    while (!(await this.chunks.next()).done);
  }

  private async more(): Promise<void> {
    const { done, value } = await this.chunks.next();
    if (done) throw new MultipartError('the body ends before its closing boundary');
    this.buffer = this.buffer.length ? Buffer.concat([this.buffer, value]) : Buffer.from(value);
  }
}

const collect = async (source: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) throw new MultipartError(`a field or header is longer than ${maxBytes} bytes`);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
};

const parameter = (header: string, name: string): string | undefined =>
  new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(header)?.[1];

const parsePart = (head: string): Part => {
  const headers = new Map(head.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const disposition = headers.get('content-disposition') ?? '';
  const name = parameter(disposition, 'name');
  if (name === undefined) throw new MultipartError('a part has no name');
  return { name, filename: parameter(disposition, 'filename'), contentType: headers.get('content-type') };
};

/**
 * Reads multipart/form-data part by part. `onPart` must read the content of every part to its end.
 * @throws MultipartError on any body that is not complete and well-formed
 */
export const readMultipart = async (
  contentType: string | undefined,
  source: AsyncIterable<Uint8Array>,
  onPart: (part: Part, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> => {
  const boundary = /^multipart\/form-data\s*;.*boundary="?([^";]+)"?/i.exec(contentType ?? '')?.[1];
  if (!boundary) throw new MultipartError('the body is not multipart/form-data with a boundary');
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const reader = new DelimitedReader(source);
  if ((await collect(reader.until(delimiter), MAX_HEADER_BYTES)).length) throw new MultipartError('there are bytes before the first boundary');
  while ((await reader.bytes(2)) === '\r\n') {
    const head = await collect(reader.until(Buffer.from('\r\n\r\n')), MAX_HEADER_BYTES);
    await onPart(parsePart(head.toString('utf8')), reader.until(delimiter));
  }
  await reader.drain();
};

export const readText = async (content: AsyncIterable<Buffer>): Promise<string> => (await collect(content, 64 * 1024)).toString('utf8');
