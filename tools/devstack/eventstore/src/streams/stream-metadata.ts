import { LONG_MAX, LONG_MAX_TEXT, type RecordedEvent } from '../records';

/** The part of a stream's metadata that decides which of its events are visible. */
export interface StreamMetadata {
  readonly maxCount?: number;
  /** Seconds. */
  readonly maxAge?: number;
  /** Events below this revision are hidden; LONG_MAX hides the stream (a soft delete). */
  readonly truncateBefore?: number;
}

const NONE: StreamMetadata = {};

/** What a soft delete writes: it replaces all other metadata. */
export const SOFT_DELETE_METADATA = Buffer.from(`{"$tb":${LONG_MAX_TEXT}}`);

const isLong = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value <= 2 ** 63;

/**
 * Reads metadata as the server does: one bad value, text that is no JSON object, or an event that does not say that it is
 * JSON, and all of it counts for nothing.
 */
export function parseStreamMetadata({ isJson, data }: Pick<RecordedEvent, 'isJson' | 'data'>): StreamMetadata {
  const json = isJson ? parseObject(data) : undefined;
  if (!json) return NONE;
  const { $maxCount: maxCount, $maxAge: maxAge, $tb: truncateBefore } = json;
  const positive = [maxCount, maxAge].every((value) => value === undefined || (isLong(value) && value > 0));
  const notNegative = truncateBefore === undefined || (isLong(truncateBefore) && truncateBefore >= 0);
  if (!positive || !notNegative) return NONE;
  return {
    ...(isLong(maxCount) && { maxCount }),
    ...(isLong(maxAge) && { maxAge }),
    ...(isLong(truncateBefore) && { truncateBefore: Math.min(truncateBefore, LONG_MAX) }),
  };
}

/** The metadata with another `$tb`, or undefined when it is no JSON object. */
export function withTruncateBefore(data: Uint8Array, truncateBefore: number): Uint8Array | undefined {
  const json = parseObject(data);
  return json && Buffer.from(JSON.stringify({ ...json, $tb: truncateBefore }));
}

function parseObject(data: Uint8Array): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
