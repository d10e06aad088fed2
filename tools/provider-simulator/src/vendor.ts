import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Counts } from './counters';
import type { Fault } from './faults';
import type { Limits } from './limits';
import { sniffMedia, type SniffedMedia } from './media-facts';
import { MultipartError, readMultipart, readText } from './multipart';
import type { ObjectStore, ReceivedBytes, StoredObject } from './object-store';
import { headOf, sabotage } from './sabotage';

/** What a vendor's routes stand in. */
export interface World {
  readonly store: ObjectStore;
  /** Milliseconds since 1970, on the simulator's clock, which the control API can advance. */
  readonly now: () => number;
  /** `http://host:port` of this simulator. */
  readonly origin: () => string;
}

export interface Call {
  readonly provider: string;
  readonly operation: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** What the route's pattern captured, to the letter. */
  readonly params: readonly string[];
  readonly fault: Fault | undefined;
  readonly counts: Counts;
  readonly limits: Limits;
  /** Hash of the caller's key. */
  readonly account: string;
  /** Fires when the caller goes away. */
  readonly gone: AbortSignal;
}

export interface Route {
  readonly operation: string;
  readonly method: string;
  readonly path: RegExp;
  /** Whoever has the link may read. */
  readonly open?: boolean;
  readonly answer: (call: Call) => Promise<void>;
}

export interface Vendor {
  readonly provider: string;
  /** Path prefix on the simulator. */
  readonly prefix: string;
  readonly routes: readonly Route[];
  /** The caller's key. @throws VendorError */
  readonly authenticate: (request: IncomingMessage) => string;
  readonly error: (status: number, message: string, code?: number | string) => VendorError;
}

/** An answer that is an error in the vendor's own shape. */
export class VendorError extends Error {
  constructor(
    readonly status: number,
    readonly body: object,
    message: string,
  ) {
    super(message);
  }
}

/** A number too large for JSON.stringify to keep, written digit by digit. */
export const bigNumber = (digits: string): string => `\u0000${digits}\u0000`;

export const toJson = (value: object): string => JSON.stringify(value).replace(/"\\u0000(\d+)\\u0000"/g, '$1');

export const sendJson = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
  const text = Buffer.from(toJson(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length, ...headers });
  response.end(text);
};

/** Twenty steps a second at the most, each at its time: what comes in small pieces is not slower than asked. */
const atRate = (bytesPerSecond: number, signal: AbortSignal) =>
  async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const step = Math.max(1, Math.floor(bytesPerSecond / 20));
    const started = performance.now();
    let sent = 0;
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += step) {
        const piece = chunk.subarray(at, at + step);
        yield piece;
        sent += piece.length;
        const ahead = started + (sent / bytesPerSecond) * 1_000 - performance.now();
        if (ahead > 1) await pause(ahead, undefined, { signal });
      }
    }
  };

/** The request's body, counted, and as slow as the fault says. */
const bodyOf = (call: Call): AsyncIterable<Buffer> => {
  const counted = async function* (): AsyncGenerator<Buffer> {
    // A body that is not read to its end must not take the connection, and with it the refusal, away.
    let received = 0;
    for await (const chunk of call.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      call.counts.bytesIn += chunk.length;
      received += chunk.length;
      if (received > (call.fault?.resetAt ?? Infinity)) call.request.socket.resetAndDestroy();
      yield chunk;
    }
    // Not earlier: a connection that nobody reads from does not show that its other end has closed.
    if (call.fault?.latencyMs) await pause(call.fault.latencyMs, undefined, { signal: call.gone });
  };
  const limited = call.limits.pace(call.provider, 'in', counted(), call.gone);
  return call.fault?.bytesPerSecond ? atRate(call.fault.bytesPerSecond, call.gone)(limited) : limited;
};

/** Reads the request's body and keeps nothing of it. */
export const readAll = async (call: Call): Promise<void> => {
  const chunks = bodyOf(call)[Symbol.asyncIterator]();
  while (!(await chunks.next()).done);
};

/** What was done stays done, whether or not the caller hears of it. */
export const holdAnswer = async ({ fault, gone }: Call): Promise<void> => {
  if (fault?.answerLatencyMs) await pause(fault.answerLatencyMs, undefined, { signal: gone });
};

export interface UploadedFile extends ReceivedBytes, SniffedMedia {
  readonly field: string;
  readonly filename: string;
}

export interface Form {
  readonly fields: ReadonlyMap<string, string>;
  readonly file: UploadedFile | undefined;
}

/** Reads a form with at most one file, which stays only if the whole body came. @throws MultipartError */
export const readForm = async (call: Call, store: ObjectStore): Promise<Form> => {
  const fields = new Map<string, string>();
  let received: (ReceivedBytes & { field: string; filename: string }) | undefined;
  try {
    await readMultipart(call.request.headers['content-type'], bodyOf(call), async ({ name, filename }, content) => {
      if (filename === undefined) fields.set(name, await readText(content));
      else if (received) throw new MultipartError('more than one file');
      else received = { ...(await store.receive(content)), field: name, filename };
    });
  } catch (error) {
    if (received) await store.discard(received.blob);
    throw error;
  }
  return { fields, file: received && { ...received, ...(await sniffMedia(store.pathOf(received.blob))) } };
};

export const readJson = async (call: Call): Promise<Record<string, unknown>> => {
  const chunks: Buffer[] = [];
  for await (const chunk of bodyOf(call)) chunks.push(chunk);
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (typeof value !== 'object' || value === null) throw new SyntaxError('The body is no JSON object.');
  return value as Record<string, unknown>;
};

/** Sends an object's bytes, with what the fault does to them. */
export const sendBytes = async (call: Call, object: StoredObject, store: ObjectStore): Promise<void> => {
  const { provider, response, gone, counts, limits } = call;
  const fault: Partial<Fault> = call.fault ?? {};
  const { status, headers, sizeBytes } = headOf(object, fault);
  response.writeHead(status, headers);
  response.flushHeaders();
  const source = store.read(object.blob!, sizeBytes);
  source.on('data', (chunk) => (counts.bytesOut += chunk.length)).pause();
  const limited = limits.pace(provider, 'out', source, gone);
  const paced = fault.bytesPerSecond ? atRate(fault.bytesPerSecond, gone)(limited) : limited;
  await pipeline([Readable.from(paced, { objectMode: false }), ...sabotage(fault, response), response]);
  counts.downloads += 1;
};
