import { FerryError } from '@ferry/kernel';
import type { FastifyInstance } from 'fastify';

/** JSON objects are the only bodies. An empty one counts as absent, so that a POST without fields needs none. */
export const acceptJsonOnly = (server: FastifyInstance): void => {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') return done(null, undefined);
    void parse(request, text as string, (error, body: unknown) => {
      if (error) done(new FerryError('MALFORMED_JSON', 'invalid', 'The body is not JSON. Check its quotes, commas and encoding (UTF-8).'));
      else if (typeof body !== 'object' || body === null || Array.isArray(body)) done(new FerryError('MALFORMED_JSON', 'invalid', 'The body must be a JSON object.'));
      else done(null, body);
    });
  });
};
