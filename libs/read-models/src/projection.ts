import type { DomainEvent, Position, RecordedEvent } from '@ferry/kernel';
import type { IndexDescription } from 'mongodb';

/** What every document of a read model carries. */
export interface Stored {
  readonly _id: string;
  /** Of the last event applied. */
  readonly _position: Position;
}

type Of<E extends DomainEvent, Type extends E['type']> = RecordedEvent<Extract<E, { type: Type }>>;

/** An event's effect on one document: a function of the two alone. Undefined: no effect. */
export type Handlers<E extends DomainEvent, Doc> = {
  readonly [Type in E['type']]?: (document: Doc | undefined, event: Of<E, Type>) => Doc | undefined;
};

export interface Projection<Doc extends object> {
  readonly name: string;
  readonly version: number;
  /** Stream-name prefixes, e.g. `asset-`. */
  readonly categories: readonly string[];
  readonly indexes: readonly IndexDescription[];
  readonly collection: string;
  /** The document that an event is about. */
  readonly id: (event: RecordedEvent) => string | undefined;
  readonly evolve: (document: Doc | undefined, event: RecordedEvent) => Doc | undefined;
}

interface Definition<E extends DomainEvent, On, Ignored> {
  readonly name: string;
  readonly version: number;
  readonly categories: readonly string[];
  readonly indexes?: readonly IndexDescription[];
  readonly id: (event: RecordedEvent<E>) => string | undefined;
  readonly on: On;
  /** Event types that change nothing here. `on` and `ignores` together are the union, or it does not compile. */
  readonly ignores: readonly Ignored[];
}

type Complete<E extends DomainEvent, On, Ignored> = [Exclude<E['type'], keyof On | Ignored>] extends [never]
  ? unknown
  : { readonly eventTypesNeitherHandledNorIgnored: Exclude<E['type'], keyof On | Ignored> };

/** `defineProjection<Events, Document>()({ … })`. The collection is `{name}_v{version}`: a new version is built beside the old one. */
export const defineProjection =
  <E extends DomainEvent, Doc extends object>() =>
  <On extends Handlers<E, Doc>, Ignored extends Exclude<E['type'], keyof On> = never>(
    definition: Definition<E, On, Ignored> & Complete<E, On, Ignored>,
  ): Projection<Doc> => {
    const { name, version, categories, indexes = [], id, on } = definition;
    const handlers = on as Readonly<Record<string, ((document: Doc | undefined, event: RecordedEvent) => Doc | undefined) | undefined>>;
    return {
      name,
      version,
      categories,
      indexes,
      collection: `${name.replaceAll('-', '_')}_v${version}`,
      id: (event) => id(event as unknown as RecordedEvent<E>),
      evolve: (document, event) => handlers[event.type]?.(document, event),
    };
  };
