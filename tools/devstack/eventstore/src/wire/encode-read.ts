import { LONG_MAX, LONG_MAX_TEXT, type ProposedEvent, type RecordedEvent } from '../records';
import { entrySize, fieldSize, LONG_MAX_VARINT_SIZE, ProtobufWriter, varintSize } from './protobuf-writer';

/** An event of which everything is decided. */
export interface PlacedEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  /** Milliseconds since the unix epoch. */
  readonly created: number;
  readonly event: ProposedEvent;
}

/**
 * An event on its way to the form RecordedEvent of streams.proto. By hand: google-protobuf takes several times as long.
 * Field numbers are those of streams.proto.
 */
export class EventEncoder {
  readonly length: number;
  private readonly streamLength: number;
  private readonly typeLength: number;
  private readonly created: string;
  private readonly contentType: string;

  constructor(private readonly placed: PlacedEvent) {
    const { event, stream, revision, position } = placed;
    this.streamLength = Buffer.byteLength(stream);
    this.typeLength = Buffer.byteLength(event.type);
    // In ticks of 100 ns, which a number cannot hold.
    this.created = `${placed.created}0000`;
    this.contentType = event.isJson ? 'application/json' : 'application/octet-stream';
    this.length =
      fieldSize(fieldSize(UUID_SIZE)) +
      fieldSize(fieldSize(this.streamLength)) +
      1 + (revision === LONG_MAX ? LONG_MAX_VARINT_SIZE : varintSize(revision)) +
      2 * (1 + varintSize(position)) +
      fieldSize(entrySize(4, this.typeLength)) +
      fieldSize(entrySize(7, this.created.length)) +
      fieldSize(entrySize(12, this.contentType.length)) +
      fieldSize(event.metadata.length) +
      fieldSize(event.data.length);
  }

  /** Writes it to `target` at `offset`; returns where the texts that the server itself reads are, and their lengths. */
  write(target: Buffer, offset: number): EncodedTexts {
    const { position, stream, revision, event } = this.placed;
    const writer = new ProtobufWriter(target, offset);
    writer.header(1, fieldSize(UUID_SIZE));
    const id = writer.text(2, event.id, UUID_SIZE);
    writer.header(2, fieldSize(this.streamLength));
    const streamAt = writer.text(3, stream, this.streamLength);
    if (revision === LONG_MAX) writer.longMax(3);
    else writer.number(3, revision);
    writer.number(4, position);
    writer.number(5, position);
    writer.header(6, entrySize(4, this.typeLength));
    writer.text(1, 'type', 4);
    const type = writer.text(2, event.type, this.typeLength);
    writer.header(6, entrySize(7, this.created.length));
    writer.text(1, 'created', 7);
    writer.text(2, this.created, this.created.length);
    writer.header(6, entrySize(12, this.contentType.length));
    writer.text(1, 'content-type', 12);
    writer.text(2, this.contentType, this.contentType.length);
    writer.bytes(7, event.metadata);
    writer.bytes(8, event.data);
    return { id, stream: streamAt, streamLength: this.streamLength, type, typeLength: this.typeLength };
  }
}

/** Offsets in the target, lengths in bytes. */
export interface EncodedTexts {
  readonly id: number;
  readonly stream: number;
  readonly streamLength: number;
  readonly type: number;
  readonly typeLength: number;
}

/** An event in the form RecordedEvent of streams.proto. */
export type EncodedEvent = Pick<RecordedEvent, 'position' | 'encodedLength' | 'copyEncoded'>;

/** Encodes ReadResp{event}: little more than a copy of what the log has. */
export function encodeDelivered({ event, link }: { event?: EncodedEvent; link?: EncodedEvent }): Buffer {
  const position = (link ?? event)?.position ?? 0;
  const size =
    (event ? fieldSize(event.encodedLength) : 0) + (link ? fieldSize(link.encodedLength) : 0) + 1 + varintSize(position);
  const buffer = Buffer.allocUnsafe(fieldSize(size));
  const writer = new ProtobufWriter(buffer, 0);
  writer.header(1, size);
  if (event) {
    writer.header(1, event.encodedLength);
    event.copyEncoded(buffer, writer.skip(event.encodedLength));
  }
  if (link) {
    writer.header(2, link.encodedLength);
    link.copyEncoded(buffer, writer.skip(link.encodedLength));
  }
  writer.number(3, position);
  return buffer;
}

/** Ids are text: 36 characters. */
export const UUID_SIZE = 36;

/** A revision as the wire has it in text fields. */
export const revisionText = (revision: number): string => (revision === LONG_MAX ? LONG_MAX_TEXT : String(revision));
