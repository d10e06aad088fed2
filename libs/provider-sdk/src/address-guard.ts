import { lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { ProviderError } from './provider-error';

/** Everything that is not the public internet: IANA's special-purpose registries, and what embeds an IPv4 address. */
const BLOCKED: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
];

const blocked = new BlockList();
for (const [address, prefix, family] of BLOCKED) blocked.addSubnet(address, prefix, family);
/** Global unicast; all else in IPv6 is refused. */
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');
const embedding = new BlockList();
embedding.addSubnet('2001::', 23, 'ipv6');
embedding.addSubnet('2001:db8::', 32, 'ipv6');
embedding.addSubnet('2002::', 16, 'ipv6');
embedding.addSubnet('3fff::', 20, 'ipv6');

/** Whether an IP address (no name) is on the public internet. */
export const isPublicAddress = (address: string): boolean => {
  const family = isIP(address);
  if (family === 4) return !blocked.check(address, 'ipv4');
  if (family === 6) return globalUnicast.check(address, 'ipv6') && !embedding.check(address, 'ipv6');
  return false;
};

const refused = (): ProviderError =>
  new ProviderError('invalid-request', 'The address is not on the public internet, or not https. Give a public https link.', { code: 'ADDRESS_REFUSED' });

const portOf = (protocol: string, port: string): string => port || (protocol === 'https:' ? '443' : '80');
const bare = (hostname: string): string => hostname.toLowerCase().replace(/^\[|\]$/g, '');

/** `host:port` of a URL, with the default port written out. */
export const hostAndPort = (url: URL): string => `${bare(url.hostname)}:${portOf(url.protocol, url.port)}`;

const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '');
    const [first] = addresses;
    // One address inside is enough to refuse the name: which of them is taken must not be chance.
    if (!first || addresses.some(({ address }) => !isPublicAddress(address))) return callback(refused(), '');
    if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

export interface GuardOptions {
  /** `host:port` pairs that are allowed although private, and over http. */
  readonly allowedHosts: readonly string[];
  /** No other host at all: for Ferry's own data plane. */
  readonly onlyThese?: boolean;
}

/** Decides where a request may go. The address that was checked is the one that is connected to. */
export class AddressGuard {
  private readonly allowed: ReadonlySet<string>;

  constructor(private readonly options: GuardOptions) {
    this.allowed = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  }

  /** What can be said of a link before its name is resolved. @throws ProviderError invalid-request */
  check(url: URL): void {
    if (this.allowed.has(hostAndPort(url)) && /^https?:$/.test(url.protocol)) return;
    const literal = bare(url.hostname);
    if (this.options.onlyThese || url.protocol !== 'https:' || (isIP(literal) && !isPublicAddress(literal))) throw refused();
  }

  /** A connection pool that connects nowhere else. */
  createAgent(options: { readonly connections: number; readonly connectTimeoutMs: number }): Agent {
    const open = buildConnector({ timeout: options.connectTimeoutMs });
    const guarded = buildConnector({ timeout: options.connectTimeoutMs, lookup: publicLookup });
    const connect: buildConnector.connector = (target, callback) => {
      const host = bare(target.hostname);
      if (this.allowed.has(`${host}:${portOf(target.protocol, target.port)}`)) return open(target, callback);
      if (this.options.onlyThese || (isIP(host) && !isPublicAddress(host))) return callback(refused(), null);
      guarded(target, callback);
    };
    return new Agent({ connect, connections: options.connections, keepAliveTimeout: 4_000, maxHeaderSize: 64 * 1024 });
  }
}
