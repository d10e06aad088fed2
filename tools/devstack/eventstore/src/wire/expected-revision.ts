import type { ExpectedRevision } from '../records';

interface Options {
  hasNoStream(): boolean;
  hasStreamExists(): boolean;
  hasAny(): boolean;
  hasRevision(): boolean;
  getRevision(): string;
}

/** The expected revision of a delete; undefined when it has none. */
export function expectedRevision(options: Options): ExpectedRevision | undefined {
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasStreamExists()) return 'stream_exists';
  if (options.hasAny()) return 'any';
  return options.hasRevision() ? BigInt(options.getRevision()) : undefined;
}
