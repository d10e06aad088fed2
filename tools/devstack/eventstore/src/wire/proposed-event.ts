import type { StreamIdentifier } from '@eventstore/db-client/generated/shared_pb';
import type { ProposedEvent } from '../records';
import { lengthField, varintField, type ProtobufReader } from './protobuf-reader';

/** A proposed event, or the reason why it is none. */
export type Proposal = { event: ProposedEvent } | { missing: 'type' | 'content-type' } | { invalid: string };

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const WRAPPED_UUID = /^(?:\{([0-9a-f-]{36})\}|\(([0-9a-f-]{36})\))$/;
const UUID_DIGITS = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;
const NO_UUID = '00000000-0000-0000-0000-000000000000';

const NOTHING = Buffer.alloc(0);

export const streamName = (identifier: StreamIdentifier | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

/** No name, or only the prefix of a metastream. */
export const isInvalidStream = (name: string): boolean => name === '' || name === '$$';

const [STRUCTURED, TEXT] = [lengthField(1), lengthField(2)];
const [UPPER_BITS, LOWER_BITS] = [varintField(1), varintField(2)];

/** The id of a UUID message as lower-case text with dashes, however it was sent; as it came when it is no UUID. */
export function readUuid(message: ProtobufReader): string {
  let id = '';
  for (let field; (field = message.next()) !== 0; ) {
    if (field === TEXT) id = canonical(message.text());
    else if (field === STRUCTURED) id = readStructured(message.message());
    else message.skip();
  }
  return id;
}

export const uuidOrNothing = (id: string): string => (UUID_TEXT.test(id) ? id : '');

function readStructured(message: ProtobufReader): string {
  let [upper, lower] = [0n, 0n];
  for (let field; (field = message.next()) !== 0; ) {
    if (field === UPPER_BITS) upper = message.uint64();
    else if (field === LOWER_BITS) lower = message.uint64();
    else message.skip();
  }
  const hex = [upper, lower].map((half) => half.toString(16).padStart(16, '0')).join('');
  return hex.replace(UUID_DIGITS, '$1-$2-$3-$4-$5');
}

/** A UUID may come in capitals, in braces, in parentheses, or as 32 digits. */
function canonical(sent: string): string {
  if (UUID_TEXT.test(sent)) return sent;
  const text = sent.trim().toLowerCase();
  const wrapped = WRAPPED_UUID.exec(text);
  return wrapped?.[1] ?? wrapped?.[2] ?? text.replace(UUID_DIGITS, '$1-$2-$3-$4-$5');
}

const [ID, ENTRY, METADATA, DATA] = [lengthField(1), lengthField(2), lengthField(3), lengthField(4)];

/** Reads the ProposedMessage of AppendReq and of BatchAppendReq. */
export function readProposal(message: ProtobufReader): Proposal {
  let id = '';
  let metadata: Buffer = NOTHING;
  let data: Buffer = NOTHING;
  const properties: Properties = {};
  for (let field; (field = message.next()) !== 0; ) {
    if (field === ID) id = readUuid(message.message());
    else if (field === ENTRY) readProperty(message.message(), properties);
    else if (field === METADATA) metadata = message.bytes();
    else if (field === DATA) data = message.bytes();
    else message.skip();
  }
  const { type, contentType } = properties;
  if (type === undefined) return { missing: 'type' };
  if (contentType === undefined) return { missing: 'content-type' };
  if (type === '') return { invalid: 'an event type must not be empty' };
  if (!UUID_TEXT.test(id) || id === NO_UUID) return { invalid: `'${id.slice(0, 64)}' is no event id: it must be a UUID, and not all zeros` };
  return { event: { id, type, isJson: contentType === 'application/json', data, metadata } };
}

interface Properties {
  type?: string;
  contentType?: string;
}

const [KEY, VALUE] = [lengthField(1), lengthField(2)];

function readProperty(message: ProtobufReader, properties: Properties): void {
  let [key, value] = ['', ''];
  for (let field; (field = message.next()) !== 0; ) {
    if (field === KEY) key = message.strictText();
    else if (field === VALUE) value = message.strictText();
    else message.skip();
  }
  if (key === 'type') properties.type = value;
  if (key === 'content-type') properties.contentType = value;
}
