import { FerryError } from '@ferry/kernel';
import { ErrorType, type StreamNotFoundError, type WrongExpectedVersionError } from '@eventstore/db-client';

const hasType = (error: unknown, type: ErrorType): boolean => (error as { type?: unknown } | undefined)?.type === type;

export const isWrongRevision = (error: unknown): error is WrongExpectedVersionError => hasType(error, ErrorType.WRONG_EXPECTED_VERSION);
export const isStreamNotFound = (error: unknown): error is StreamNotFoundError => hasType(error, ErrorType.STREAM_NOT_FOUND);

/** gRPC codes after which nobody knows whether the append was written: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, ABORTED, INTERNAL, UNAVAILABLE. */
const DOUBTFUL_CODES = new Set([1, 2, 4, 10, 13, 14]);
const DOUBTFUL_TYPES = new Set<unknown>([ErrorType.UNAVAILABLE, ErrorType.DEADLINE_EXCEEDED, ErrorType.TIMEOUT, ErrorType.CANCELLED]);

/** While the server is away the client rejects with a raw gRPC error, at other times with a typed one. */
export const isDoubtful = (error: unknown): boolean => {
  const { code, type } = (error ?? {}) as { code?: unknown; type?: unknown };
  return DOUBTFUL_TYPES.has(type) || (typeof code === 'number' && DOUBTFUL_CODES.has(code) && !isWrongRevision(error));
};

export const storeUnavailable = (): FerryError =>
  new FerryError('EVENT_STORE_UNAVAILABLE', 'unavailable', 'The event store is not reachable now. Try again in some seconds.');

export const tooMuchContention = (stream: string): FerryError =>
  new FerryError('CONTENTION', 'conflict', 'Too many writers changed the same thing at once. Try again.', { stream });

/** A newer release wrote an event that this one does not know: it must not decide on that stream. */
export const unknownEvent = (stream: string, type: string): FerryError =>
  new FerryError('UNKNOWN_EVENT', 'unavailable', `This version does not know the event ${type}; a newer one must handle the request.`, {
    stream,
    type,
  });
