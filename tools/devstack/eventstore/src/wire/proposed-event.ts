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

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const streamName = (identifier: StreamIdentifier | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

/** No name, or only the prefix of a metastream. */
export const isInvalidStream = (name: string): boolean => name === '' || name === '$$';

/** The id as text, however it was sent. */
export function uuidText(uuid: UUID | undefined): string {
  const structured = uuid?.getStructured();
  if (!structured) return (uuid?.getString() ?? '').toLowerCase();
  const half = (bits: string): string => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0');
  const hex = half(structured.getMostSignificantBits()) + half(structured.getLeastSignificantBits());
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function proposal(message: ProposedMessage): Proposal {
  const map = message.getMetadataMap();
  const type = map.get('type');
  const contentType = map.get('content-type');
  if (type === undefined) return { missing: 'type' };
  if (contentType === undefined) return { missing: 'content-type' };
  if (type === '') return { invalid: 'an event type must not be empty' };
  const id = uuidText(message.getId());
  if (!UUID_TEXT.test(id)) return { invalid: `'${id.slice(0, 64)}' is no event id: it must be a UUID` };
  const isJson = contentType === 'application/json';
  return { event: { id, type, isJson, data: message.getData_asU8(), metadata: message.getCustomMetadata_asU8() } };
}

