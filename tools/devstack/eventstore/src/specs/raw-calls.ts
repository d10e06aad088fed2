import { randomUUID } from 'node:crypto';
import { Client, credentials, type status } from '@grpc/grpc-js';

// Messages field by field: also those that no client sends.

const varint = (value: bigint | number): number[] => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
};

/** A field that holds a number. */
export const number = (field: number, value: bigint | number): Buffer => Buffer.from([field << 3, ...varint(value)]);

/** A field that holds text, bytes, or a message out of fields. */
export const part = (field: number, ...content: (Uint8Array | string)[]): Buffer => {
  const bytes = Buffer.concat(content.map((piece) => Buffer.from(piece)));
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(bytes.length)]), bytes]);
};

export const uuidPart = (field: number, id: string = randomUUID()): Buffer => part(field, part(2, id));

export const identifierPart = (stream: string): Buffer => part(1, part(3, stream));

export interface ProposalFields {
  readonly id?: string;
  readonly type?: Uint8Array | string;
  readonly data?: string;
}

/** The fields of a proposed event. */
export const proposalFields = ({ id = randomUUID(), type = 'Raw', data = '{}' }: ProposalFields = {}): Buffer =>
  Buffer.concat([
    uuidPart(1, id), part(2, part(1, 'type'), part(2, type)), part(2, part(1, 'content-type'), part(2, 'application/json')), part(4, data),
  ]);

export interface RawAnswer {
  readonly messages: Buffer[];
  readonly code: status;
  readonly details: string;
}

const same = (bytes: Buffer): Buffer => bytes;

/** Calls a method of Streams with these messages; ends the call after `wanted` answers. */
export function callStreams(port: number, method: string, messages: readonly Buffer[], wanted = Infinity): Promise<RawAnswer> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const call = client.makeBidiStreamRequest(`/event_store.client.streams.Streams/${method}`, same, same);
  const answers: Buffer[] = [];
  call.on('data', (message: Buffer) => {
    if (answers.push(message) >= wanted) call.cancel();
  });
  for (const message of messages) call.write(message);
  call.end();
  return new Promise((resolve) => {
    const finish = ({ code, details }: { code: status; details: string }): void => {
      client.close();
      resolve({ messages: answers, code, details });
    };
    call.on('error', finish);
    call.on('status', finish);
  });
}
