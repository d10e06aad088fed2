import { HTTP_STATUS } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { toFerryError } from '@ferry/messaging';
import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';

/** Where HTTP has a better word than the category. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  METHOD_NOT_ALLOWED: 405,
  RANGE_NOT_SATISFIABLE: 416,
};

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** Names this one answer; the log has the same id. */
  readonly instance: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What the framework refused before a route saw it, by its status. */
const OF_FRAMEWORK: Readonly<Record<number, FerryError>> = {
  400: new FerryError('MALFORMED_REQUEST', 'invalid', 'The request is not well-formed HTTP: check its path, headers and length.'),
  404: new FerryError('UNKNOWN_ROUTE', 'not-found', 'There is no such path. GET /openapi.json lists all.'),
  413: new FerryError('BODY_TOO_LARGE', 'too-large', 'The body may have at most 1 MiB.'),
  414: new FerryError('MALFORMED_REQUEST', 'invalid', 'The path is too long.'),
  415: new FerryError('UNSUPPORTED', 'unsupported', 'Send JSON (Content-Type: application/json). Files cannot be uploaded to Ferry yet: register where the asset was born.'),
};

export const problemOf = (thrown: unknown, requestId: string): Problem => {
  const refused = thrown instanceof HttpException ? OF_FRAMEWORK[thrown.getStatus()] : undefined;
  const { code, category, message, details } = refused ?? toFerryError(thrown);
  const status = refused && thrown instanceof HttpException ? thrown.getStatus() : (STATUS_OF_CODE[code] ?? HTTP_STATUS[category] ?? 500);
  return {
    type: `urn:ferry:error:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    code,
    instance: `urn:uuid:${requestId}`,
    ...(details ? { details } : {}),
  };
};
