/** A fact, in the past tense. `data` holds JSON values only; dates are ISO strings. */
export interface DomainEvent<Type extends string = string, Data extends object = object> {
  readonly type: Type;
  readonly data: Data;
}

/**
 * Travels with every event. `commandId` names the client's command that caused it, so that a repeat is recognised.
 * Never personal data, links, vendor keys or tokens.
 */
export interface EventMetadata {
  readonly $correlationId: string;
  readonly $causationId: string;
  readonly commandId: string;
  /** Who acted: an API key's name, or `service:{name}` for a reaction. */
  readonly actor: string;
  readonly owner: string;
  readonly traceparent?: string;
}

/** What the store adds when an event is read. `position` orders all events of the store, as a decimal string of 20 digits. */
export interface RecordedEvent<E extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly streamName: string;
  /** 0-based place in its stream. */
  readonly revision: number;
  readonly position: Position;
  /** ISO date of the append, on the store's clock. */
  readonly created: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly metadata: EventMetadata;
}

/**
 * A place in the store's log: the commit position as a decimal string, padded with zeros to 20 digits, so that strings
 * compare as the numbers do (in MongoDB too).
 */
export type Position = string;

export const toPosition = (commit: bigint): Position => commit.toString().padStart(20, '0');
export const fromPosition = (position: Position): bigint => BigInt(position);
export const START_POSITION: Position = toPosition(0n);

/** Every answer to a command carries one; a query takes it as `atLeast` to read its own writes. */
export interface Token {
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
}
