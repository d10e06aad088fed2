import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FIXTURES = join(__dirname, '../../../../tools/provider-simulator/fixtures');

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export interface MediaFile {
  readonly bytes: Buffer;
  chunks(): AsyncGenerator<Buffer>;
}

const CHUNK = 64 * 1024;

export const fileOf = (bytes: Buffer): MediaFile => ({
  bytes,
  async *chunks() {
    for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
  },
});

/** A real file, made longer in the way its format allows: a `free` box in MP4, bytes after the end in others. */
export const fixture = (name: string, sizeBytes?: number): MediaFile => {
  const bytes = readFileSync(join(FIXTURES, name));
  if (sizeBytes === undefined) return fileOf(bytes);
  const padding = Buffer.alloc(sizeBytes - bytes.length);
  for (let at = 8; at < padding.length; at += 1) padding[at] = at % 251;
  if (name.endsWith('.mp4')) {
    padding.writeUInt32BE(padding.length, 0);
    padding.write('free', 4, 'latin1');
  }
  return fileOf(Buffer.concat([bytes, padding]));
};

/** Bytes that repeat only after a prime number, so that a lost or doubled chunk shows. */
export const patterned = (sizeBytes: number): Buffer => {
  const pattern = Buffer.alloc(65_521);
  for (let at = 0; at < pattern.length; at += 1) pattern[at] = (at * 31 + 7) % 253;
  return Buffer.alloc(sizeBytes, pattern);
};
