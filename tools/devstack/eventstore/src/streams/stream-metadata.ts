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

/** What 2^63 - 1 and its neighbours are as a number. */
const LONG_MAX_NUMBER = 2 ** 63;
/** The highest `$tb` that only hides events. */
const HIGHEST_TRUNCATE_BEFORE = LONG_MAX - 1;

const isLong = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value <= LONG_MAX_NUMBER;
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** For JSON.parse: of the numbers around 2^63 only 2^63 - 1 itself stays, as LONG_MAX_NUMBER. */
function exactLong(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (value !== LONG_MAX_NUMBER || context?.source === LONG_MAX_TEXT) return value;
  return BigInt(context?.source?.match(/^\d+$/)?.[0] ?? 0) > BigInt(LONG_MAX_TEXT) ? Infinity : HIGHEST_TRUNCATE_BEFORE;
}

/**
 * Reads metadata as the server does: one bad value, text that is no JSON object, or an event that does not say that it is
 * JSON, and all of it counts for nothing.
 */
export function parseStreamMetadata({ isJson, data }: Pick<RecordedEvent, 'isJson' | 'data'>): StreamMetadata {
  const json = isJson ? parseObject(data, exactLong) : undefined;
  if (!json) return NONE;
  const { $maxCount: maxCount, $maxAge: maxAge, $tb: truncateBefore, $acl: acl } = json;
  const positive = [maxCount, maxAge].every((value) => value === undefined || (isLong(value) && value > 0));
  const notNegative = truncateBefore === undefined || (isLong(truncateBefore) && truncateBefore >= 0);
  if (!positive || !notNegative || !(acl === undefined || isObject(acl))) return NONE;
  return {
    ...(isLong(maxCount) && { maxCount }),
    ...(isLong(maxAge) && { maxAge }),
    ...(isLong(truncateBefore) && { truncateBefore: truncateBefore === LONG_MAX_NUMBER ? LONG_MAX : Math.min(truncateBefore, HIGHEST_TRUNCATE_BEFORE) }),
  };
}

/** The metadata with another `$tb`, or undefined when it is no JSON object. */
export function withTruncateBefore(data: Uint8Array, truncateBefore: number): Uint8Array | undefined {
  const json = parseObject(data);
  return json && Buffer.from(JSON.stringify({ ...json, $tb: truncateBefore }));
}

function parseObject(data: Uint8Array, reviver?: typeof exactLong): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(data).toString('utf8'), reviver);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
