import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fold, isFerryErrorJson, type Command, type Decider, type DomainEvent, type StreamDefinition } from '@ferry/kernel';

export interface DecisionSpec<State, E> {
  /** The decision is these events and no others; they survive JSON unchanged. Returns the state after them. */
  then(...expected: E[]): State;
  thenNothing(): void;
  /** Refused with this code, and a category and message for the caller. Details are compared where given. */
  thenRefused(code: string, details?: Readonly<Record<string, unknown>>): void;
}

export interface GivenSpec<State, C, E> {
  when(command: C): DecisionSpec<State, E>;
  readonly state: State;
}

/** given(history).when(command).then(events) for one decider. */
export const deciderSpec = <State, C extends Command, E extends DomainEvent>(decider: Decider<State, C, E>) => ({
  given: (...history: E[]): GivenSpec<State, C, E> => {
    const state = fold(decider, history);
    return {
      state,
      when: (command) => ({
        then: (...expected) => {
          const events = decider.decide(command, state);
          expect(JSON.parse(JSON.stringify(events))).toStrictEqual(events);
          expect(events).toStrictEqual(expected);
          return events.reduce(decider.evolve, state);
        },
        thenNothing: () => expect(decider.decide(command, state)).toEqual([]),
        thenRefused: (code, details) => {
          const error = thrownBy(() => decider.decide(command, state));
          expect(error).toMatchObject({ code, ...(details && { details }) });
          expect(isFerryErrorJson(error)).toBe(true);
        },
      }),
    };
  },
});

const thrownBy = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('expected a refusal, but there was none');
};

interface History<State, E> {
  readonly events: readonly E[];
  /** What the events fold to. */
  readonly state: State;
}

/**
 * Declares the tests that old histories (JSON files in `directory` whose names begin with `v{n}-{subject}`) fold to the
 * states recorded with them, for ever, and that together they hold every event type.
 */
export const replaySpec = <State, C extends Command, E extends DomainEvent>(
  definition: StreamDefinition<State, C, E>,
  directory: string,
  subject: string,
): void => {
  const files = readdirSync(directory).filter((file) => new RegExp(`^v\\d+-${subject}-[a-z-]+\\.json$`).test(file));
  const histories = new Map(files.map((file) => [file, JSON.parse(readFileSync(join(directory, file), 'utf8')) as History<State, E>]));

  describe(`histories of ${subject}`, () => {
    it.each(files)('%s folds to its state', (file) => {
      const { events, state } = histories.get(file)!;
      expect(JSON.parse(JSON.stringify(fold(definition.decider, events)))).toStrictEqual(state);
    });

    it('hold every event type', () => {
      const seen = new Set([...histories.values()].flatMap(({ events }) => events.map(({ type }) => type)));
      expect([...seen].sort()).toEqual([...definition.eventTypes].sort());
    });
  });
};
