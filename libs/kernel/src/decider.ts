import type { DomainEvent } from './event';

/** A wish. The clock, ids and randomness come in with `data` and `metadata`; a decider never makes them. */
export interface Command<Type extends string = string, Data extends object = object> {
  readonly type: Type;
  readonly data: Data;
  readonly metadata: CommandMetadata;
}

export interface CommandMetadata {
  /** The moment of the decision, ISO date. */
  readonly now: string;
}

/** An aggregate: three pure functions. `decide` returns no events where the command changes nothing, and throws a DomainError to refuse. */
export interface Decider<State, C extends Command, E extends DomainEvent> {
  readonly decide: (command: C, state: State) => E[];
  readonly evolve: (state: State, event: E) => State;
  readonly initialState: () => State;
}

/** The state after a history. */
export const fold = <State, E extends DomainEvent>(
  { evolve, initialState }: Pick<Decider<State, never, E>, 'evolve' | 'initialState'>,
  events: readonly E[],
): State => events.reduce(evolve, initialState());
