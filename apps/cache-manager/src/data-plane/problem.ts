import { STATUS_CODES, type ServerResponse } from 'node:http';
import { FerryError, type ErrorCategory } from '@ferry/kernel';

const STATUS: Readonly<Record<ErrorCategory, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  unprocessable: 422,
  'too-large': 413,
  unsupported: 501,
  throttled: 429,
  upstream: 502,
  unavailable: 503,
  timeout: 504,
  'no-space': 507,
  internal: 500,
};

/** Where HTTP has a better word than the category. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  ASSET_DELETED: 410,
  FILE_DAMAGED: 410,
  PUT_SUPERSEDED: 410,
  PUT_USED: 410,
  METHOD_NOT_ALLOWED: 405,
  BODY_TIMEOUT: 408,
  RANGE_NOT_SATISFIABLE: 416,
};

/** Answers with problem+json (RFC 9457). */
export const sendProblem = (response: ServerResponse, { code, category, message, details }: FerryError): void => {
  const status = STATUS_OF_CODE[code] ?? STATUS[category];
  const body = JSON.stringify({ type: `urn:ferry:problem:${code}`, title: STATUS_CODES[status], status, code, detail: message, ...(details ? { details } : {}) });
  const range = code === 'RANGE_NOT_SATISFIABLE' ? { 'content-range': `bytes */${String(details?.['sizeBytes'])}` } : {};
  response.writeHead(status, { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body), ...range });
  response.end(body);
};
