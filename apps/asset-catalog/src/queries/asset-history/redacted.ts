/** Links, references and personal data stay in the events. */
const HIDDEN = new Set(['forms', 'personal']);

/** The data without them, at any depth. */
export const redacted = (data: object): Record<string, unknown> => hide(data) as Record<string, unknown>;

const hide = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(hide);
  if (typeof value !== 'object' || value === null) return value;
  const shown = Object.entries(value).filter(([name]) => !HIDDEN.has(name));
  return Object.fromEntries(shown.map(([name, field]) => [name, hide(field)]));
};
