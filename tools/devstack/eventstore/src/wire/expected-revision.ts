import type { ExpectedRevision } from '../records';

interface Options {
  hasNoStream(): boolean;
  hasStreamExists(): boolean;
  hasAny(): boolean;
}

type Numbered = Options &
  ({ hasRevision(): boolean; getRevision(): string } | { hasStreamPosition(): boolean; getStreamPosition(): string });

/** The expected revision of any write request; undefined when it has none. */
export function expectedRevision(options: Numbered): ExpectedRevision | undefined {
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasStreamExists()) return 'stream_exists';
  if (options.hasAny()) return 'any';
  if ('hasRevision' in options) return options.hasRevision() ? BigInt(options.getRevision()) : undefined;
  return options.hasStreamPosition() ? BigInt(options.getStreamPosition()) : undefined;
}
