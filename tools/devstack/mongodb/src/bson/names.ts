/** Slots of the table; a name that finds its slot taken takes it over. */
const SLOTS = 4096;
const LONGEST = 64;

interface Known {
  text: string;
  bytes: Buffer;
}

const known: (Known | undefined)[] = new Array<Known | undefined>(SLOTS);

/** Where the name that starts at `start` ends: the place of its zero byte, or -1. */
export const endOfName = (bytes: Buffer, start: number): number => {
  for (let at = start; at < bytes.length; at++) if (bytes[at] === 0) return at;
  return -1;
};

/** The text of a field name. Names come again and again: one string stands for all of them, which maps find faster. */
export function nameAt(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > LONGEST) return bytes.toString('utf8', start, end);
  let hash = length;
  for (let at = start; at < end; at++) hash = (hash * 31 + (bytes[at] ?? 0)) | 0;
  const slot = hash & (SLOTS - 1);
  const candidate = known[slot];
  if (candidate && candidate.bytes.length === length && sameBytes(candidate.bytes, bytes, start)) return candidate.text;
  const text = bytes.toString('utf8', start, end);
  known[slot] = { text, bytes: Buffer.from(bytes.subarray(start, end)) };
  return text;
}

function sameBytes(name: Buffer, bytes: Buffer, start: number): boolean {
  for (let at = 0; at < name.length; at++) if (name[at] !== bytes[start + at]) return false;
  return true;
}
