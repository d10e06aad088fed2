import { parserError, ProtocolError } from './operation';

export interface ConnectOptions {
  verbose: boolean;
  pedantic: boolean;
  echo: boolean;
  headers: boolean;
  noResponders: boolean;
}

/** What holds until the client says CONNECT. */
export const BEFORE_CONNECT: ConnectOptions = {
  verbose: true,
  pedantic: true,
  echo: true,
  headers: false,
  noResponders: false,
};

/** Reads the options that matter here over the current ones; credentials are not asked for and not looked at. */
export function parseConnectOptions(json: string, current: ConnectOptions): ConnectOptions {
  const given = parseObject(json);
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = given[name] ?? otherwise;
    if (typeof value !== 'boolean') throw parserError();
    return value;
  };
  if (given.protocol !== undefined && given.protocol !== 0 && given.protocol !== 1) {
    throw new ProtocolError('invalid client protocol');
  }
  const options = {
    verbose: flag('verbose', current.verbose),
    pedantic: flag('pedantic', current.pedantic),
    echo: flag('echo', current.echo),
    headers: flag('headers', current.headers),
    noResponders: flag('no_responders', current.noResponders),
  };
  if (options.noResponders && !options.headers) throw new ProtocolError('no responders requires headers support');
  return options;
}

function parseObject(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ProtocolError('Parser Error', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw parserError();
  return value as Record<string, unknown>;
}
