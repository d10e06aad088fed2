import type { StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb';
import type { ProposedEvent } from '../records';

/** A proposed event, or the reason why it is none. */
export type Proposal = { event: ProposedEvent } | { missing: 'type' | 'content-type' } | { invalid: string };

interface ProposedMessage {
  getId(): UUID | undefined;
  getMetadataMap(): { get(key: string): string | undefined };
  getCustomMetadata_asU8(): Uint8Array;
  getData_asU8(): Uint8Array;
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const WRAPPED_UUID = /^(?:\{([0-9a-f-]{36})\}|\(([0-9a-f-]{36})\))$/;
const UUID_DIGITS = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;
const NO_UUID = '00000000-0000-0000-0000-000000000000';

export const streamName = (identifier: StreamIdentifier | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

/** No name, or only the prefix of a metastream. */
export const isInvalidStream = (name: string): boolean => name === '' || name === '$$';

/** The id as lower-case text with dashes, however it was sent; as it came when it is no UUID. */
export function uuidText(uuid: UUID | undefined): string {
  const structured = uuid?.getStructured();
  if (!structured) return canonical((uuid?.getString() ?? '').trim().toLowerCase());
  const half = (bits: string): string => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0');
  const hex = half(structured.getMostSignificantBits()) + half(structured.getLeastSignificantBits());
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A UUID may come in braces, in parentheses, or as 32 digits. */
function canonical(text: string): string {
  if (UUID_TEXT.test(text)) return text;
  const wrapped = WRAPPED_UUID.exec(text);
  return wrapped?.[1] ?? wrapped?.[2] ?? text.replace(UUID_DIGITS, '$1-$2-$3-$4-$5');
}

export function proposal(message: ProposedMessage): Proposal {
  const map = message.getMetadataMap();
  const type = map.get('type');
  const contentType = map.get('content-type');
  if (type === undefined) return { missing: 'type' };
  if (contentType === undefined) return { missing: 'content-type' };
  if (type === '') return { invalid: 'an event type must not be empty' };
  const id = uuidText(message.getId());
  if (!UUID_TEXT.test(id) || id === NO_UUID) return { invalid: `'${id.slice(0, 64)}' is no event id: it must be a UUID, and not all zeros` };
  const isJson = contentType === 'application/json';
  return { event: { id, type, isJson, data: message.getData_asU8(), metadata: message.getCustomMetadata_asU8() } };
}

