import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import type { ExpectedRevision } from '../records';
import { revisionText } from './encode-read';

/** An error as gRPC carries it; `exception` in the trailers is what makes a typed error of it in the client. */
export type ServerStatus = Pick<StatusObject, 'code' | 'details' | 'metadata'>;

export const MAX_APPEND_BYTES = 1024 * 1024;

// A trailer is ASCII. The real server fails on any other stream name here, and the client sees an unknown error.
const ASCII = /^[\x20-\x7e]*$/;

function typed(code: status, exception: string, details: string, trailers: Record<string, string>): ServerStatus {
  const metadata = new Metadata();
  if (!Object.values(trailers).every((value) => ASCII.test(value))) return { code: status.UNKNOWN, details, metadata };
  metadata.set('exception', exception);
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return { code, details, metadata };
}

export const plain = (code: status, details: string): ServerStatus => ({ code, details, metadata: new Metadata() });

export const invalidArgument = (details: string): ServerStatus => plain(status.INVALID_ARGUMENT, details);

export const unknown = (details: string): ServerStatus => plain(status.UNKNOWN, details);

export const streamDeleted = (stream: string): ServerStatus =>
  typed(status.FAILED_PRECONDITION, 'stream-deleted', `Event stream '${stream}' is deleted.`, { 'stream-name': stream });

const EXPECTED_NUMBERS = { any: '-2', no_stream: '-1', stream_exists: '-4' };

const expectedText = (expected: ExpectedRevision): string =>
  typeof expected === 'bigint' ? BigInt.asIntN(64, expected).toString() : EXPECTED_NUMBERS[expected];

/** Of a delete or a tombstone; an append has an answer of its own for it. */
export const wrongExpectedVersion = (stream: string, expected: ExpectedRevision, current: number): ServerStatus =>
  typed(
    status.FAILED_PRECONDITION,
    'wrong-expected-version',
    `Delete failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expectedText(expected)}, Actual version: ${current}`,
    { 'stream-name': stream, 'expected-version': expectedText(expected), 'actual-version': revisionText(current) },
  );

export const maximumAppendSizeExceeded = (): ServerStatus =>
  typed(status.INVALID_ARGUMENT, 'maximum-append-size-exceeded', `Maximum Append Size of ${MAX_APPEND_BYTES} Exceeded.`, {
    'maximum-append-size': String(MAX_APPEND_BYTES),
  });

export const missingMetadata = (property: string): ServerStatus =>
  typed(status.INVALID_ARGUMENT, 'missing-required-metadata-property', `Required Metadata Property '${property}' is missing`, {
    'required-metadata-properties': 'type,content-type',
  });

export const consumerTooSlow = (): ServerStatus =>
  plain(status.ABORTED, 'Consumer too slow to handle event while live. Client resubscription required.');

export const failed = (reason: string): ServerStatus => plain(status.UNAVAILABLE, reason);
