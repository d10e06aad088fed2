import { FerryError } from '@ferry/kernel';

/** Bytes from `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The one range that a Range header asks for; undefined means all of it: no header, another unit, several ranges or a
 * malformed one (RFC 9110: such a header is ignored).
 * @throws FerryError RANGE_NOT_SATISFIABLE
 */
export const parseRange = (header: string | undefined, size: number): ByteRange | undefined => {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '');
  if (!match || (!match[1] && !match[2])) return undefined;
  const range = match[1]
    ? { start: Number(match[1]), end: match[2] ? Math.min(Number(match[2]), size - 1) : size - 1 }
    : { start: Math.max(0, size - Number(match[2])), end: size - 1 };
  if (match[1] && match[2] && Number(match[2]) < Number(match[1])) return undefined;
  if (range.start >= size) {
    throw new FerryError('RANGE_NOT_SATISFIABLE', 'invalid', `The file has ${size} bytes; the range begins after its end.`, { sizeBytes: size });
  }
  return range;
};
