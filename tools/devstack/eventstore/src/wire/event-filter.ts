import type { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import type { RecordedEvent } from '../records';
import { filterPattern } from './filter-pattern';

/** Which events of `$all` a reader wants. */
export interface EventFilter {
  readonly matches: (event: RecordedEvent) => boolean;
  /** How many events one page of history considers. */
  readonly window: number;
  /** After how many considered events a checkpoint is due. */
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
  if (!options.hasMax() && !options.hasCount()) throw new InvalidFilterError('a filter needs a window: max or count');
  const window = Math.max(1, options.hasMax() ? options.getMax() : DEFAULT_WINDOW);
  return {
    matches: onStream ? (event) => test(event.stream) : (event) => test(event.type),
    window,
    checkpointEvery: window * Math.max(1, options.getCheckpointintervalmultiplier()),
  };
}

function textTest(regex: string, prefixes: readonly string[]): (text: string) => boolean {
  if (regex === '') return (text) => prefixes.some((prefix) => text.startsWith(prefix));
  const pattern = filterPattern(regex);
  return (text) => pattern.test(text);
}
