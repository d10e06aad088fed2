import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { DeleteResp, TombstoneResp, type DeleteReq, type TombstoneReq } from '@eventstore/db-client/generated/streams_pb';
import { isRevision } from '../records';
import type { Store } from '../store';
import type { WriteRequest } from '../streams/apply-write';
import { expectedRevision } from '../wire/expected-revision';
import { empty } from '../wire/messages';
import { isInvalidStream, streamName } from '../wire/proposed-event';
import { invalidArgument, unknown, type ServerStatus } from '../wire/status';
import { refusal } from './append-outcome';

type Options = DeleteReq.Options | TombstoneReq.Options;
type Respond = (position: number | undefined) => void;

interface Position {
  setCommitPosition(value: string): unknown;
  setPreparePosition(value: string): unknown;
}

/** Streams.Delete: the soft delete. */
export function softDelete(
  store: Store, { request }: ServerUnaryCall<DeleteReq, DeleteResp>, callback: sendUnaryData<DeleteResp>,
): void {
  run(store, 'delete', request.getOptions(), callback, (position) => {
    const response = new DeleteResp();
    if (position === undefined) response.setNoPosition(empty());
    else response.setPosition(at(position, new DeleteResp.Position()));
    callback(null, response);
  });
}

/** Streams.Tombstone: the delete that no append can undo. */
export function tombstone(
  store: Store, { request }: ServerUnaryCall<TombstoneReq, TombstoneResp>, callback: sendUnaryData<TombstoneResp>,
): void {
  run(store, 'tombstone', request.getOptions(), callback, (position) => {
    const response = new TombstoneResp();
    if (position === undefined) response.setNoPosition(empty());
    else response.setPosition(at(position, new TombstoneResp.Position()));
    callback(null, response);
  });
}

function at<T extends Position>(position: number, message: T): T {
  message.setCommitPosition(String(position));
  message.setPreparePosition(String(position));
  return message;
}

function run(
  store: Store, kind: 'delete' | 'tombstone', options: Options | undefined, fail: (status: ServerStatus) => void, respond: Respond,
): void {
  const stream = streamName(options?.getStreamIdentifier());
  const expected = options && expectedRevision(options);
  if (isInvalidStream(stream)) return fail(unknown(`'${stream}' is no stream name`));
  if (expected === undefined) return fail(invalidArgument(`a ${kind} needs an expected revision`));
  if (typeof expected === 'bigint' && !isRevision(expected)) return fail(unknown(`${expected} is no revision`));
  const request: WriteRequest = { kind, stream, expected, events: [] };
  store.writer.write(request).then(
    (result) => (result.kind === 'written' ? respond(result.position) : fail(refusal(request, result))),
    (error: unknown) => fail(unknown(String(error))),
  );
}
