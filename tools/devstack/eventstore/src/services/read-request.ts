import { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import { LONG_MAX, type Direction } from '../records';
import { eventFilter, type EventFilter } from '../wire/event-filter';
import { isInvalidStream, streamName } from '../wire/proposed-event';

export type From = number | 'start' | 'end';

/** The highest number that a position can hold stands for the end. */
const END_OF_LOG = '18446744073709551615';

interface Common {
  readonly from: From;
  readonly resolveLinks: boolean;
}

/** What a Read call asks for. `stream` is undefined for `$all`. */
export type ReadRequest = Common & { readonly stream: string | undefined; readonly filter: EventFilter | undefined } & (
    | { readonly kind: 'read'; readonly direction: Direction; readonly count: number }
    | { readonly kind: 'subscription' }
  );

/** A request that nobody can answer; the text goes to the client. */
export class InvalidRequestError extends Error {}

export function readRequest(message: ReadReq): ReadRequest {
  const options = message.getOptions();
  if (!options) throw new InvalidRequestError('a read needs options');
  if (options.getUuidOption()?.hasStructured()) {
    throw new InvalidRequestError('structured event ids are not supported by the embedded server: ask for string ids');
  }
  const target = options.hasStream() ? streamTarget(options) : allTarget(options);
  const common = { ...target, filter: eventFilter(options.getFilter()), resolveLinks: options.getResolveLinks() };
  if (options.hasSubscription()) {
    if (target.stream !== undefined && target.from === LONG_MAX) throw new InvalidRequestError('no event can follow the highest revision');
    return { ...common, kind: 'subscription' };
  }
  const backwards = options.getReadDirection() === ReadReq.Options.ReadDirection.BACKWARDS;
  const count = Number(options.getCount());
  if (count <= 0) throw new InvalidRequestError('the number of events to read must be positive');
  if (!backwards && target.stream !== undefined && common.from === 'end') throw new InvalidRequestError('reading forwards from the end is not possible');
  return { ...common, kind: 'read', direction: backwards ? 'backwards' : 'forwards', count };
}

function streamTarget(options: ReadReq.Options): { stream: string; from: From } {
  const target = options.getStream();
  const stream = streamName(target?.getStreamIdentifier());
  if (isInvalidStream(stream)) throw new InvalidRequestError(`'${stream}' is no stream name`);
  if (target?.hasEnd()) return { stream, from: 'end' };
  return { stream, from: target?.hasRevision() ? toNumber(target.getRevision()) : 'start' };
}

function allTarget(options: ReadReq.Options): { stream: undefined; from: From } {
  const target = options.getAll();
  if (!target) throw new InvalidRequestError('a read names a stream or $all');
  if (target.hasEnd()) return { stream: undefined, from: 'end' };
  const position = target.getPosition()?.getCommitPosition();
  if (position === END_OF_LOG) return { stream: undefined, from: 'end' };
  return { stream: undefined, from: position === undefined ? 'start' : toNumber(position) };
}

const toNumber = (text: string): number => Math.min(Number(text), LONG_MAX);
