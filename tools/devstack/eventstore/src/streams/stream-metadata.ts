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

const HIGHEST_LONG = BigInt(LONG_MAX_TEXT);
/** The highest `$tb` that only hides events. */
const HIGHEST_TRUNCATE_BEFORE = LONG_MAX - 1;
/** The longest time that the server can hold, in seconds. */
const HIGHEST_SECONDS = 922_337_203_685n;
/** Values in each other; deeper text is not read. */
const MAX_DEPTH = 64;
const ROLES = new Set(['$r', '$w', '$d', '$mr', '$mw']);

/** Properties that mean something to the server. */
const NAMES = /\$(?:maxCount|maxAge|tb|cacheControl|acl)/;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

/** For JSON.parse: a number that is written without point and exponent. */
const exactInteger = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === 'number' && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? 0) : value;

const isInteger = (value: unknown, highest: bigint): value is bigint | undefined =>
  value === undefined || (typeof value === 'bigint' && value <= highest && value >= -highest);

const isRole = ([name, holders]: [string, unknown]): boolean =>
  ROLES.has(name) && (typeof holders === 'string' || (Array.isArray(holders) && holders.every((holder) => typeof holder === 'string')));

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' && value !== null && (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

/**
 * Reads metadata as the server does: one value of the wrong kind, text that is no JSON object, or an event that does not
 * say that it is JSON, and all of it counts for nothing. Numbers below the least that makes sense count for nothing alone.
 */
export function parseStreamMetadata({ isJson, data }: Pick<RecordedEvent, 'isJson' | 'data'>): StreamMetadata {
  const json = isJson ? parseObject(data, exactInteger) : undefined;
  if (!json || isDeeper(json, MAX_DEPTH)) return NONE;
  const { $maxCount: maxCount, $maxAge: maxAge, $tb: truncateBefore, $cacheControl: cacheControl, $acl: acl } = json;
  if (!isInteger(maxCount, HIGHEST_LONG) || !isInteger(truncateBefore, HIGHEST_LONG)) return NONE;
  if (!isInteger(maxAge, HIGHEST_SECONDS) || !isInteger(cacheControl, HIGHEST_SECONDS)) return NONE;
  if (acl !== undefined && !(isObject(acl) && Object.entries(acl).every(isRole))) return NONE;
  return {
    ...(maxCount !== undefined && maxCount > 0n && { maxCount: Number(maxCount) }),
    ...(maxAge !== undefined && maxAge > 0n && { maxAge: Number(maxAge) }),
    ...(truncateBefore !== undefined && truncateBefore >= 0n && {
      truncateBefore: truncateBefore === HIGHEST_LONG ? LONG_MAX : Math.min(Number(truncateBefore), HIGHEST_TRUNCATE_BEFORE),
    }),
  };
}

/**
 * Whether the real server may find something in metadata that is no JSON: it also reads single quotes, names without
 * quotes, trailing commas, hexadecimal numbers, UTF-16, and whatever follows the object.
 */
export function mayBeReadElsewhere({ isJson, data }: Pick<RecordedEvent, 'isJson' | 'data'>): boolean {
  if (!isJson || parseObject(data)) return false;
  const text = textOf(data);
  return text.includes('\0') || (text.trimStart().startsWith('{') && NAMES.test(text));
}

/** The metadata with another `$tb`, or undefined when it is no JSON object. */
export function withTruncateBefore(data: Uint8Array, truncateBefore: number): Uint8Array | undefined {
  const json = parseObject(data);
  return json && Buffer.from(JSON.stringify({ ...json, $tb: truncateBefore }));
}

/** Without the mark of its encoding. */
const textOf = (data: Uint8Array): string => Buffer.from(data).toString('utf8').replace(/^\ufeff/, '');

function parseObject(data: Uint8Array, reviver?: typeof exactInteger): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(textOf(data), reviver);
    return isObject(json) ? { ...json } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
