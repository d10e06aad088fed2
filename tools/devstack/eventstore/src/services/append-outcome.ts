import { status } from '@grpc/grpc-js';
import type { WriteRequest, WriteResult } from '../streams/apply-write';
import { failed, plain, streamDeleted, wrongExpectedVersion, type ServerStatus } from '../wire/status';

type Refused = Exclude<WriteResult, { kind: 'written' }>;

/** A refused write as an error of the call. */
export function refusal({ stream, expected }: WriteRequest, result: Refused): ServerStatus {
  switch (result.kind) {
    case 'stream-deleted':
      return streamDeleted(stream);
    case 'wrong-expected-version':
      return wrongExpectedVersion(stream, expected, result.current);
    case 'failed':
      return failed(result.reason);
    case 'not-supported':
      return plain(status.UNIMPLEMENTED, result.reason);
    default: {
      const never: never = result;
      return never;
    }
  }
}
