import { pipeline } from 'node:stream/promises';
import { readAll, sendJson, type Call, type Vendor } from './vendor';

const PIECE = Buffer.alloc(256 * 1024, ' ');
const PAGE = '<!doctype html><title>Sorry</title><p>Something went wrong.';

function* endlessly(): Generator<Buffer> {
  for (;;) yield PIECE;
}

/** Answers for the vendor where the fault leaves nothing to do. @returns whether it did */
export const answerFault = async (vendor: Vendor, call: Call): Promise<boolean> => {
  const { fault, request, response } = call;
  if (!fault) return false;
  const { status, code, contentType, redirectTo, html, rawBody, endless, reset, retryAfter } = fault;
  const answers = reset || redirectTo !== undefined || html || rawBody !== undefined || endless || status !== undefined || code !== undefined;
  if (!answers) return false;
  if (fault.afterBody) await readAll(call);
  if (reset) request.socket.resetAndDestroy();
  else if (redirectTo !== undefined) response.writeHead(status ?? 302, { location: redirectTo }).end();
  else if (html) response.writeHead(status ?? 200, { 'content-type': contentType ?? 'text/html' }).end(PAGE);
  else if (rawBody !== undefined) response.writeHead(status ?? 200, { 'content-type': contentType ?? 'application/json' }).end(rawBody);
  else if (endless) await pipeline(endlessly(), response.writeHead(200, { 'content-type': contentType ?? 'application/json' }));
  else {
    const error = vendor.error(status ?? 200, 'The simulator was told to fail.', code);
    sendJson(response, error.status, error.body, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
  }
  return true;
};
