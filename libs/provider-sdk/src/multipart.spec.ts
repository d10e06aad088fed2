import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { rounds, seed } from '@ferry/testing/specs';
import { MultipartUpload, type MultipartOptions } from './multipart';

const read = async (upload: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of upload) chunks.push(chunk);
  return Buffer.concat(chunks);
};

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const formOf = (bytes: Buffer, more: Partial<MultipartOptions> = {}, file: Partial<MultipartOptions['file']> = {}): MultipartOptions => ({
  file: { field: 'file', filename: 'a.bin', mimeType: 'application/octet-stream', sizeBytes: bytes.length, content: pieces(bytes, 7), ...file },
  release: async () => undefined,
  ...more,
});

describe('MultipartUpload', () => {
  it('is what a form parser that is not ours reads, and exactly as long as it says', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    const name = text.filter((value) => !/[\r\n"]/.test(value) && value.trim() !== '');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), fc.integer({ min: 1, max: 999 }), name, text.filter((value) => !/[\r\n]/.test(value)), async (data, size, filename, value) => {
        const bytes = Buffer.from(data);
        const upload = new MultipartUpload(formOf(bytes, { fields: { purpose: value } }, { filename, content: pieces(bytes, size) }));
        const body = await read(upload);
        expect(body.length).toBe(upload.contentLength);
        const form = await new Response(new Uint8Array(body), { headers: { 'content-type': upload.contentType } }).formData();
        expect(form.get('purpose')).toBe(value);
        const file = form.get('file') as File;
        expect(file.name).toBe(filename);
        expect(Buffer.from(await file.arrayBuffer())).toEqual(bytes);
      }),
      { numRuns: rounds(60), seed: seed() },
    );
  });

  it.each([0, 1, 7, 8, 100])('of %i bytes: releases once, after all was read and before the last bytes go out', async (length) => {
    const bytes = Buffer.alloc(length, 'x');
    const sent: Buffer[] = [];
    const upload = new MultipartUpload(
      formOf(bytes, {
        release: async (seen) => {
          expect(seen).toEqual({ sizeBytes: length, sha256: createHash('sha256').update(bytes).digest('hex') });
          expect(upload.complete).toBe(false);
          const missing = upload.contentLength - Buffer.concat(sent).length;
          expect(missing).toBeGreaterThanOrEqual(Math.min(length, 1) + 38);
        },
      }),
    );
    for await (const chunk of upload) sent.push(chunk);
    expect(upload.complete).toBe(true);
    expect(Buffer.concat(sent).length).toBe(upload.contentLength);
    expect.assertions(5);
  });

  it('hands out nothing more when it is not released', async () => {
    const refusal = new Error('no');
    const upload = new MultipartUpload(formOf(Buffer.from('content'), { release: () => Promise.reject(refusal) }));
    await expect(read(upload)).rejects.toBe(refusal);
    expect(upload.complete).toBe(false);
  });

  it.each([
    ['shorter', 8, 'CONTENT_TRUNCATED'],
    ['longer', 6, 'CONTENT_TOO_LONG'],
  ])('refuses a file that is %s than announced, without asking for the release', async (_name, sizeBytes, code) => {
    const release = jest.fn(async () => undefined);
    await expect(read(new MultipartUpload(formOf(Buffer.from('content'), { release }, { sizeBytes })))).rejects.toMatchObject({ kind: 'protocol', code });
    expect(release).not.toHaveBeenCalled();
  });

  it('reads no further ahead than one chunk', async () => {
    let taken = 0;
    const content = (async function* () {
      for (; taken < 100; taken += 1) yield Buffer.alloc(1000);
    })();
    const parts = new MultipartUpload(formOf(Buffer.alloc(100_000), {}, { content }))[Symbol.asyncIterator]();
    await parts.next();
    await parts.next();
    expect(taken).toBeLessThanOrEqual(2);
    await parts.return(undefined);
  });
});
