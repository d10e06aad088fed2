import type { DomainEvent, Position, RecordedEvent } from '@ferry/kernel';
import type { IndexDescription } from 'mongodb';

/** What every document of a read model carries. */
export interface Stored {
  readonly _id: string;
  /** Of the last event applied. */
  readonly _position: Position;
}

/** Its type tells its data apart. */
type RecordedEventOf<E extends DomainEvent> = E extends DomainEvent ? RecordedEvent<E> : never;

type Of<E extends DomainEvent, Type extends E['type']> = RecordedEvent<Extract<E, { type: Type }>>;

/** An event's effect on one document: a function of the two alone. Undefined: no effect. */
export type Handlers<E extends DomainEvent, Doc, Handled extends E['type'] = E['type']> = {
  readonly [Type in Handled]: (document: Doc | undefined, event: Of<E, Type>) => Doc | undefined;
};

export interface Projection<Doc extends object> {
  readonly name: string;
  readonly version: number;
  /** Stream-name prefixes, e.g. `asset-`. */
  readonly categories: readonly string[];
  readonly indexes: readonly IndexDescription[];
  readonly collection: string;
  /** The event types that it handles or ignores; it stops at others, for a newer version to go on. */
  readonly eventTypes: ReadonlySet<string>;
  /** The documents that an event is about. */
  readonly ids: (event: RecordedEvent) => readonly string[];
  readonly evolve: (document: Doc | undefined, event: RecordedEvent) => Doc | undefined;
}

interface Definition<E extends DomainEvent, Doc, Handled extends E['type'], Ignored> {
  readonly name: string;
  readonly version: number;
  readonly categories: readonly string[];
  readonly indexes?: readonly IndexDescription[];
  /** The document that an event is about, or the documents; undefined: none. */
  readonly id: (event: RecordedEventOf<E>) => string | readonly string[] | undefined;
  readonly on: Handlers<E, Doc, Handled>;
  /** Event types that change nothing here. `on` and `ignores` together are the union, or it does not compile. */
  readonly ignores: readonly Ignored[];
}

/** No further argument where the types are complete; where they are not, one that nobody can give and that names them. */
type Complete<Missing> = [Missing] extends [never] ? [] : [neitherHandledNorIgnored: { readonly types: Missing }];

/** `defineProjection<Events, Document>()({ … })`. The collection is `{name}_v{version}`: a new version is built beside the old one. */
export const defineProjection =
  <E extends DomainEvent, Doc extends object>() =>
  <Handled extends E['type'], Ignored extends E['type'] = never>(
    definition: Definition<E, Doc, Handled, Ignored>,
    ..._complete: Complete<Exclude<E['type'], Handled | Ignored>>
  ): Projection<Doc> => {
    const { name, version, categories, indexes = [], id, on, ignores } = definition;
    const handlers = on as unknown as Readonly<Record<string, ((document: Doc | undefined, event: RecordedEvent) => Doc | undefined) | undefined>>;
    return {
      name,
      version,
      categories,
      indexes,
      collection: `${name.replaceAll('-', '_')}_v${version}`,
      eventTypes: new Set<string>([...Object.keys(on), ...ignores]),
      ids: (event) => {
        const found = id(event as unknown as RecordedEventOf<E>);
        if (found === undefined) return [];
        return typeof found === 'string' ? [found] : [...new Set(found)];
      },
      evolve: (document, event) => handlers[event.type]?.(document, event),
    };
  };
