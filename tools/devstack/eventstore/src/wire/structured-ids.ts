import { UUID } from '@eventstore/db-client/generated/shared_pb';
import type { RecordedEvent } from '../records';
import type { Delivered } from '../streams/reader';
import { encodeDelivered, UUID_SIZE, type EncodedEvent } from './encode-read';
import { fieldSize, ProtobufWriter } from './protobuf-writer';

/** What the id takes where the log has it: at the beginning of the event, as text. */
const TEXT_ID_SIZE = fieldSize(fieldSize(UUID_SIZE));

/** Encodes ReadResp{event} for who asked for ids as two numbers. No client of Node does, so it may take longer. */
export const encodeWithStructuredIds = ({ event, link }: Delivered): Buffer =>
  encodeDelivered({ ...(event && { event: withStructuredId(event) }), ...(link && { link: withStructuredId(link) }) });

function withStructuredId(event: RecordedEvent): EncodedEvent {
  const id = structuredId(event.id);
  return {
    position: event.position,
    encodedLength: event.encodedLength - TEXT_ID_SIZE + id.length,
    copyEncoded: (target, offset) => {
      const encoded = Buffer.allocUnsafe(event.encodedLength);
      event.copyEncoded(encoded, 0);
      id.copy(target, offset);
      encoded.copy(target, offset + id.length, TEXT_ID_SIZE);
    },
  };
}

/** The field `id` of RecordedEvent. */
function structuredId(id: string): Buffer {
  const digits = id.replaceAll('-', '');
  const halves = new UUID.Structured();
  halves.setMostSignificantBits(signed(digits.slice(0, 16)));
  halves.setLeastSignificantBits(signed(digits.slice(16)));
  const message = new UUID();
  message.setStructured(halves);
  const bytes = message.serializeBinary();
  const field = Buffer.allocUnsafe(fieldSize(bytes.length));
  new ProtobufWriter(field, 0).bytes(1, bytes);
  return field;
}

const signed = (hex: string): string => BigInt.asIntN(64, BigInt(`0x${hex}`)).toString();
