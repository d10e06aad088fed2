/** A member of an object that a vendor sent; undefined where either is not there. */
export const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

export const textMember = (value: unknown, name: string): string | undefined => {
  const found = member(value, name);
  return typeof found === 'string' && found !== '' ? found : undefined;
};

/** An id, which may be sent as a number: whole numbers and texts come out as texts. */
export const idMember = (value: unknown, name: string): string | undefined => {
  const found = member(value, name);
  return Number.isSafeInteger(found) ? String(found) : textMember(value, name);
};

export const numberMember = (value: unknown, name: string): number | undefined => {
  const found = member(value, name);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
};
