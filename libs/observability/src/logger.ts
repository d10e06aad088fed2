import pino from 'pino';

export type Logger = pino.Logger;

/** Links, references, personal data and secrets never reach a log: redacted down to the third level of what is logged. */
const HIDDEN = ['forms', 'personal', 'apiKey', 'authorization', 'url', 'getUrl', 'putUrl', 'secret', 'password'];
const PATHS = HIDDEN.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** One JSON line per entry, on stdout. Level by LOG_LEVEL, default info. */
export const createLogger = (service: string): Logger =>
  pino({
    name: service,
    level: process.env['LOG_LEVEL'] ?? 'info',
    base: { service },
    redact: { paths: PATHS, censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
