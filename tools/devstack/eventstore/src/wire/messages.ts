import { Empty, StreamIdentifier } from '@eventstore/db-client/generated/shared_pb';
import { ReadResp } from '@eventstore/db-client/generated/streams_pb';

export const identifierOf = (stream: string): StreamIdentifier => {
  const identifier = new StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream));
  return identifier;
};

export const empty = (): Empty => new Empty();

export function confirmation(subscriptionId: string): Uint8Array {
  const content = new ReadResp.SubscriptionConfirmation();
  content.setSubscriptionId(subscriptionId);
  const message = new ReadResp();
  message.setConfirmation(content);
  return message.serializeBinary();
}

export function checkpoint(position: number): Uint8Array {
  const content = new ReadResp.Checkpoint();
  content.setCommitPosition(String(position));
  content.setPreparePosition(String(position));
  const message = new ReadResp();
  message.setCheckpoint(content);
  return message.serializeBinary();
}

export function caughtUp(): Uint8Array {
  const message = new ReadResp();
  message.setCaughtUp(new ReadResp.CaughtUp());
  return message.serializeBinary();
}

export function streamNotFound(stream: string): Uint8Array {
  const content = new ReadResp.StreamNotFound();
  content.setStreamIdentifier(identifierOf(stream));
  const message = new ReadResp();
  message.setStreamNotFound(content);
  return message.serializeBinary();
}
