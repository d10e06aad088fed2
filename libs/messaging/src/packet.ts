import { isFerryErrorJson, FerryError } from '@ferry/kernel';
import { currentContext, type WorkContext } from '@ferry/observability';
import { headers, type MsgHdrs } from 'nats';

/** Nest's packet on the wire, so that a bare client and a Nest handler understand each other. */
export interface RequestPacket {
  readonly pattern: string;
  readonly data: unknown;
  readonly id: string;
}
export interface AnswerPacket {
  readonly response?: unknown;
  readonly err?: unknown;
  readonly isDisposed?: boolean;
  readonly id?: string;
}

const CORRELATION = 'Ferry-Correlation-Id';
const CAUSATION = 'Ferry-Causation-Id';
const TRACEPARENT = 'traceparent';

export const contextHeaders = (): MsgHdrs => {
  const { correlationId, causationId, traceparent } = currentContext();
  const h = headers();
  h.set(CORRELATION, correlationId);
  if (causationId) h.set(CAUSATION, causationId);
  if (traceparent) h.set(TRACEPARENT, traceparent);
  return h;
};

/** The sender's context. Header values come from another process: over-long ones are dropped. */
export const contextOf = (h: MsgHdrs | undefined): WorkContext => {
  const value = (name: string) => {
    const text = h?.get(name);
    return text && text.length <= 200 ? text : undefined;
  };
  const correlationId = value(CORRELATION);
  const base = correlationId ? { correlationId } : currentContext();
  const causationId = value(CAUSATION);
  const traceparent = value(TRACEPARENT);
  return { ...base, ...(causationId ? { causationId } : {}), ...(traceparent ? { traceparent } : {}) };
};

/** What a server takes by default is 1 MiB, headers included; a larger message is refused to who sends it. */
const MAX_ANSWER_BYTES = 1_000_000;

/** The answer as it is sent. One that no server would take is told as an error: it would never reach who asked. */
export const encodeAnswer = (packet: AnswerPacket): string => {
  const text = JSON.stringify(packet);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_ANSWER_BYTES) return text;
  const message = 'The answer is too large for one message. Ask for less: a shorter page, an earlier time, less depth or one direction.';
  const err = new FerryError('ANSWER_TOO_LARGE', 'unprocessable', message, { bytes, maxBytes: MAX_ANSWER_BYTES });
  return JSON.stringify({ ...packet, response: undefined, err });
};

/** Nobody was there to answer, or nobody did in time: that says nothing of what was asked. */
export const isSilence = (error: unknown): boolean => {
  const { code } = error as Partial<FerryError>;
  return code === 'SERVICE_UNAVAILABLE' || code === 'REQUEST_TIMEOUT';
};

/** The error as the other process threw it; what is not ours becomes INTERNAL without its text. */
export const toFerryError = (error: unknown): FerryError => {
  if (error instanceof FerryError) return error;
  if (isFerryErrorJson(error)) return new FerryError(error.code, error.category, error.message, error.details);
  return new FerryError('INTERNAL', 'internal', 'The service failed in an unexpected way. Its log has the reason.');
};
