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

/** The fields whose type nats-server checks. Credentials are of no consequence here. */
const TYPES: Readonly<Record<string, 'boolean' | 'number' | 'string'>> = {
  verbose: 'boolean', pedantic: 'boolean', echo: 'boolean', headers: 'boolean', no_responders: 'boolean', tls_required: 'boolean', new_account: 'boolean',
  protocol: 'number',
  user: 'string', pass: 'string', auth_token: 'string', jwt: 'string', nkey: 'string', sig: 'string', name: 'string', lang: 'string', version: 'string', account: 'string',
};

/** Reads the options that matter here over the current ones; credentials are not asked for and not looked at. */
export function parseConnectOptions(json: string, current: ConnectOptions): ConnectOptions {
  const given = parseFields(json);
  const flag = (name: string, otherwise: boolean): boolean => (given.get(name) as boolean | undefined) ?? otherwise;
  const protocol = given.get('protocol') ?? 0;
  if (protocol !== 0 && protocol !== 1) throw new ProtocolError('invalid client protocol');
  if (given.get('account') || given.get('new_account')) throw new ProtocolError('Authorization Violation');
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

/** By names in small letters: nats-server does not tell `Verbose` from `verbose`. A null counts as not given. */
function parseFields(json: string): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, value] of Object.entries(parseObject(json))) {
    const type = TYPES[name.toLowerCase()];
    if (type === undefined || value === null) continue;
    if (typeof value !== type || (type === 'number' && !Number.isInteger(value))) throw parserError();
    fields.set(name.toLowerCase(), value);
  }
  return fields;
}

function parseObject(json: string): object {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ProtocolError('Parser Error', { cause });
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw parserError();
  return value ?? {};
}
