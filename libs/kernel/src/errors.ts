/** How a refusal is answered. It decides the HTTP status at the edge and nothing else. */
export type ErrorCategory =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'unprocessable'
  | 'too-large'
  | 'unsupported'
  | 'throttled'
  | 'upstream'
  | 'unavailable'
  | 'timeout'
  | 'no-space'
  | 'internal';

export interface FerryErrorJson {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * An error with a stable code. `message` says what is wrong and what to do about it. It crosses processes as JSON, so
 * callers read `code` and `category`, never `instanceof`.
 */
export class FerryError extends Error {
  constructor(
    readonly code: string,
    readonly category: ErrorCategory,
    message: string,
    readonly details?: Readonly<Record<string, unknown>>,
  ) {
    super(message);
    this.name = 'FerryError';
  }

  toJSON(): FerryErrorJson {
    return { code: this.code, category: this.category, message: this.message, ...(this.details ? { details: this.details } : {}) };
  }
}

export const isFerryErrorJson = (value: unknown): value is FerryErrorJson =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as FerryErrorJson).code === 'string' &&
  typeof (value as FerryErrorJson).category === 'string' &&
  typeof (value as FerryErrorJson).message === 'string';

/** For the `default` of a switch that handles every member of a union: a new member does not compile until it is handled. */
export const unreachable = (value: never): never => {
  throw new FerryError('INTERNAL', 'internal', `Unhandled case: ${JSON.stringify(value)}`);
};
