const plain = (value: unknown, arrange: (entries: [string, unknown][]) => [string, unknown][]): unknown => {
  if (Array.isArray(value)) return value.map((item) => plain(item, arrange));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(arrange(entries).map(([key, field]) => [key, plain(field, arrange)]));
};

/** The value as it comes back from JSON: plain objects, and no undefined fields in any of them. */
export const defined = <T extends object>(value: T): T => plain(value, (entries) => entries) as T;

const sorted = (entries: [string, unknown][]) => entries.sort(([a], [b]) => (a < b ? -1 : 1));

/** Equal as JSON values: the order of fields does not count, undefined fields neither. */
export const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(plain(a, sorted)) === JSON.stringify(plain(b, sorted));
