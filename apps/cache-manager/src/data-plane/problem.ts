import { STATUS_CODES, type ServerResponse } from 'node:http';
import { HTTP_STATUS } from '@ferry/contracts';
import type { FerryError } from '@ferry/kernel';

/** Where HTTP has a better word than the category. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  ASSET_DELETED: 410,
  ATTEMPT_GONE: 410,
  FILE_DAMAGED: 410,
  PUT_SUPERSEDED: 410,
  PUT_USED: 410,
  METHOD_NOT_ALLOWED: 405,
  BODY_TIMEOUT: 408,
  RANGE_NOT_SATISFIABLE: 416,
};

/** Headers that HTTP wants beside a status. */
const headersOf = ({ code, details }: FerryError): Record<string, string> => {
  if (code === 'RANGE_NOT_SATISFIABLE') return { 'content-range': `bytes */${String(details?.['sizeBytes'])}` };
  return code === 'METHOD_NOT_ALLOWED' ? { allow: 'GET, HEAD, PUT' } : {};
};

/** Answers with problem+json (RFC 9457). */
export const sendProblem = (response: ServerResponse, error: FerryError): void => {
  const { code, category, message, details } = error;
  const status = STATUS_OF_CODE[code] ?? HTTP_STATUS[category];
  const body = JSON.stringify({ type: `urn:ferry:error:${code}`, title: STATUS_CODES[status], status, code, detail: message, ...(details ? { details } : {}) });
  response.writeHead(status, { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body), ...headersOf(error) });
  response.end(body);
};
