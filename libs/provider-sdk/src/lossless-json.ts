/** `context.source` is the text of a number as it was sent (ES2026, in Node since 21). */
type SourceReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const parseWithSource = JSON.parse as (text: string, reviver: SourceReviver) => unknown;

/** Parses JSON; a whole number that a double would change comes out as its digits. @throws SyntaxError */
export const parseLossless = (text: string): unknown =>
  parseWithSource(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source) ? source : value,
  );
