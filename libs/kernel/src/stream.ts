import type { Command, Decider } from './decider';
import type { DomainEvent } from './event';

/** All that the event store needs to know of one kind of stream. */
export interface StreamDefinition<State, C extends Command, E extends DomainEvent> {
  /** What the streams' names begin with, hyphen included: `asset-`. */
  readonly category: string;
  /** Every event type that this version understands; a stream with another one is not decided on. */
  readonly eventTypes: readonly E['type'][];
  readonly decider: Decider<State, C, E>;
}

/** The types of a union as a list. One that is missing or unknown does not compile. */
export const eventTypesOf = <E extends DomainEvent>(types: Readonly<Record<E['type'], true>>): readonly E['type'][] =>
  Object.keys(types) as E['type'][];

/** The id in a stream's name, or undefined where the stream is of another category. */
export const idInStream = (category: string, streamName: string): string | undefined =>
  streamName.startsWith(category) ? streamName.slice(category.length) : undefined;
