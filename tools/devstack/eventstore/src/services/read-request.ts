import { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import { LONG_MAX, LONG_MAX_TEXT, type Direction } from '../records';
import type { Delivered } from '../streams/reader';
import { encodeDelivered } from '../wire/encode-read';
import { eventFilter, type EventFilter } from '../wire/event-filter';
import { isInvalidStream, streamName } from '../wire/proposed-event';
import { encodeWithStructuredIds } from '../wire/structured-ids';

export type From = number | 'start' | 'end';

/** The highest number that a position or a revision can hold stands for the end. */
const END = '18446744073709551615';
const HIGHEST_REVISION = BigInt(LONG_MAX_TEXT);

interface Common {
  readonly from: From;
  readonly resolveLinks: boolean;
  /** Gives ids in the form that was asked for. */
  readonly encode: (delivered: Delivered) => Buffer;
}

/** What a Read call asks for. `stream` is undefined for `$all`. */
export type ReadRequest = Common & { readonly stream: string | undefined; readonly filter: EventFilter | undefined } & (
    | { readonly kind: 'read'; readonly direction: Direction; readonly count: number }
    | { readonly kind: 'subscription' }
  );

/** A request that nobody can answer; the text goes to the client. */
export class InvalidRequestError extends Error {}

/** Options that do not go together; the text goes to the client. */
export class InvalidCombinationError extends Error {}

const { FORWARDS, BACKWARDS } = ReadReq.Options.ReadDirection;

export function readRequest(message: ReadReq): ReadRequest {
  const options = message.getOptions();
  if (!options) throw new InvalidRequestError('a read needs options');
  checkCombination(options);
  const target = options.hasStream() ? streamTarget(options) : allTarget(options);
  const encode = options.getUuidOption()?.hasStructured() ? encodeWithStructuredIds : encodeDelivered;
  const common = { ...target, filter: eventFilter(options.getFilter()), resolveLinks: options.getResolveLinks(), encode };
  if (options.hasSubscription()) {
    if (options.getFilter()?.getCheckpointintervalmultiplier() === 0) throw new InvalidRequestError('the checkpoint interval multiplier must be positive');
    if (target.stream !== undefined && target.from === LONG_MAX) throw new InvalidRequestError('no event can follow the highest revision');
    return { ...common, kind: 'subscription' };
  }
  const backwards = options.getReadDirection() === BACKWARDS;
  const count = Number(options.getCount());
  if (count <= 0) throw new InvalidRequestError('the number of events to read must be positive');
  if (!backwards && target.stream !== undefined && common.from === 'end') throw new InvalidRequestError('reading forwards from the end is not possible');
  return { ...common, kind: 'read', direction: backwards ? 'backwards' : 'forwards', count };
}

function checkCombination(options: ReadReq.Options): void {
  const direction: number = options.getReadDirection();
  const refuse = (reason: string): never => {
    throw new InvalidCombinationError(reason);
  };
  if (direction !== FORWARDS && direction !== BACKWARDS) refuse(`${direction} is no direction to read in: use 0 (forwards) or 1 (backwards)`);
  if (direction === BACKWARDS && options.hasSubscription()) refuse('a subscription cannot go backwards');
  if (!options.hasFilter() && !options.hasNoFilter()) refuse('a read needs a filter or no_filter');
  if (options.hasFilter() && options.hasStream()) refuse('only a read of $all can have a filter');
}

function streamTarget(options: ReadReq.Options): { stream: string; from: From } {
  const target = options.getStream();
  const stream = streamName(target?.getStreamIdentifier());
  if (isInvalidStream(stream)) throw new InvalidRequestError(`'${stream}' is no stream name`);
  if (target?.hasEnd()) return { stream, from: 'end' };
  if (target?.hasStart()) return { stream, from: 'start' };
  if (!target?.hasRevision()) throw new InvalidRequestError('a read of a stream needs a revision, the start or the end');
  const revision = target.getRevision();
  if (revision === END) return { stream, from: 'end' };
  if (BigInt(revision) > HIGHEST_REVISION) throw new InvalidRequestError(`${revision} is no revision: the highest is ${LONG_MAX_TEXT}`);
  return { stream, from: toNumber(revision) };
}

function allTarget(options: ReadReq.Options): { stream: undefined; from: From } {
  const target = options.getAll();
  if (!target) throw new InvalidRequestError('a read names a stream or $all');
  if (target.hasEnd()) return { stream: undefined, from: 'end' };
  const [position, prepare] = [target.getPosition()?.getCommitPosition(), target.getPosition()?.getPreparePosition()];
  if (BigInt(prepare ?? 0) > BigInt(position ?? 0)) throw new InvalidRequestError(`the prepare position ${prepare} is above the commit position ${position}`);
  if (position === END) return { stream: undefined, from: 'end' };
  return { stream: undefined, from: position === undefined ? 'start' : toNumber(position) };
}

const toNumber = (text: string): number => Math.min(Number(text), LONG_MAX);
