/** A committed event. Its position is where its record begins in the log: strictly increasing, the same after a restart. */
export interface RecordedEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  /** Milliseconds since the unix epoch. */
  readonly created: number;
  readonly data: Uint8Array;
  /** How many bytes it has as the RecordedEvent of streams.proto, in which form the log keeps it. */
  readonly encodedLength: number;
  copyEncoded(target: Buffer, offset: number): void;
}

export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

/** What an event takes in memory beside its texts and bytes, about. */
const EVENT_OVERHEAD = 256;

/** How much memory an event takes while it waits, about, in bytes: what the bounds of waiting events count. */
export const memoryOf = ({ type, data, metadata }: ProposedEvent): number => type.length + data.length + metadata.length + EVENT_OVERHEAD;

/** Negative revisions come as if they were positive: this one is -1, no stream. */
export const NO_STREAM_REVISION = 2n ** 64n - 1n;

/** Whether it is one that a stream can have, or NO_STREAM_REVISION. */
export const isRevision = (expected: bigint): boolean => expected <= BigInt(LONG_MAX_TEXT) || expected === NO_STREAM_REVISION;

export type ExpectedRevision = bigint | 'any' | 'no_stream' | 'stream_exists';

export type Direction = 'forwards' | 'backwards';

/** The last revision of a stream that has no events. */
export const NO_REVISION = -1;

/** Stands for 2^63 - 1, which a number cannot hold: the revision of a tombstone, and the `$tb` of a soft delete. */
export const LONG_MAX = Number.MAX_SAFE_INTEGER;

/** How LONG_MAX is written on the wire and in metadata. */
export const LONG_MAX_TEXT = '9223372036854775807';

export const METADATA_TYPE = '$metadata';
export const TOMBSTONE_TYPE = '$streamDeleted';
export const LINK_TYPE = '$>';

const METASTREAM_PREFIX = '$$';

export const isMetastream = (stream: string): boolean => stream.startsWith(METASTREAM_PREFIX);
export const metastreamOf = (stream: string): string => METASTREAM_PREFIX + stream;
export const originalOf = (metastream: string): string => metastream.slice(METASTREAM_PREFIX.length);
