import { FerryError } from '@ferry/kernel';
import type { FastifyInstance } from 'fastify';

/** The largest request is a registration with 100 parents. What lies beyond is refused here: to check it field by field takes seconds. */
const MAX_VALUES = 2_000;
const MAX_DEPTH = 10;

const isModest = (body: object): boolean => {
  let values = 0;
  let level: unknown[] = [body];
  for (let depth = 0; level.length; depth += 1) {
    values += level.length;
    if (values > MAX_VALUES || depth > MAX_DEPTH) return false;
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return true;
};

const immodest = (): FerryError =>
  new FerryError('VALIDATION_FAILED', 'invalid', 'The request is not valid; details.errors says which fields and why.', {
    errors: [`body: may hold at most ${MAX_VALUES} values, nested at most ${MAX_DEPTH} deep`],
  });

/** JSON objects are the only bodies. An empty one counts as absent, so that a POST without fields needs none. */
export const acceptJsonOnly = (server: FastifyInstance): void => {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') return done(null, undefined);
    void parse(request, text as string, (error, body: unknown) => {
      if (error) done(new FerryError('MALFORMED_JSON', 'invalid', 'The body is not JSON. Check its quotes, commas and encoding (UTF-8).'));
      else if (typeof body !== 'object' || body === null || Array.isArray(body)) done(new FerryError('MALFORMED_JSON', 'invalid', 'The body must be a JSON object.'));
      else if (!isModest(body)) done(immodest());
      else done(null, body);
    });
  });
};
