import type { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import type { RecordedEvent } from '../records';

/** Which events of `$all` a reader wants, and after how many considered ones it gets a checkpoint. */
export interface EventFilter {
  readonly matches: (event: RecordedEvent) => boolean;
  readonly checkpointEvery: number;
}

/** The window that holds when the reader names none. */
const DEFAULT_WINDOW = 32;

export class InvalidFilterError extends Error {}

export function eventFilter(options: ReadReq.Options.FilterOptions | undefined): EventFilter | undefined {
  if (!options) return undefined;
  const onStream = options.getStreamIdentifier();
  const expression = onStream ?? options.getEventType();
  if (!expression) throw new InvalidFilterError('a filter needs an expression on the stream name or on the event type');
  const test = textTest(expression.getRegex(), expression.getPrefixList());
  const window = options.hasMax() ? options.getMax() : DEFAULT_WINDOW;
  return {
    matches: onStream ? (event) => test(event.stream) : (event) => test(event.type),
    checkpointEvery: Math.max(1, window) * Math.max(1, options.getCheckpointintervalmultiplier()),
  };
}

function textTest(regex: string, prefixes: readonly string[]): (text: string) => boolean {
  if (prefixes.length > 0) return (text) => prefixes.some((prefix) => text.startsWith(prefix));
  try {
    const pattern = new RegExp(regex);
    return (text) => pattern.test(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidFilterError(`the filter is no JavaScript regular expression: ${reason}`, { cause: error });
  }
}
