import { acceptsConnections } from './readiness';
import { resolveServer, SERVER_KINDS, type ResolvedServer, type ServerKind } from './server-resolution';
import type { Setting } from './setting';
import { withoutKeys } from './simulator';
import type { ProcessSpec } from './supervised-process';
import { compiledMain, launcherFile } from './workspace';

const WITH_LAUNCHER = launcherFile('with-launcher.cjs');

export type ServerUrls = Readonly<Record<ServerKind, string>>;

export interface Servers {
  readonly urls: ServerUrls;
  /** Those that run here. */
  readonly processes: readonly ProcessSpec[];
  /** Which is which, a line each. */
  readonly banner: readonly string[];
}

/** @throws Error from resolveServer */
export function planServers(setting: Setting): Servers {
  const resolved = SERVER_KINDS.map((kind) => resolveServer(kind, setting.env, setting.env.PATH ?? ''));
  const urls = Object.fromEntries(resolved.map((server) => [server.kind, urlOf(server, setting)]));
  return {
    urls: urls as unknown as ServerUrls,
    processes: resolved.flatMap((server) => (server.from === 'environment' ? [] : [processOf(server, setting)])),
    banner: bannerOf(resolved),
  };
}

function urlOf(server: ResolvedServer, { ports }: Setting): string {
  if (server.from === 'environment') return server.url;
  const address = `127.0.0.1:${ports[server.kind]}`;
  switch (server.kind) {
    case 'nats':
      return `nats://${address}`;
    case 'eventstore':
      return `esdb://${address}?tls=false`;
    case 'mongodb':
      return `mongodb://${address}/ferry`;
  }
}

function processOf(server: Exclude<ResolvedServer, { from: 'environment' }>, { ports, folder, env }: Setting): ProcessSpec {
  const port = ports[server.kind];
  const data = folder.file(server.kind);
  const nodeArgs =
    server.from === 'binary'
      ? [WITH_LAUNCHER, server.binary, ...binaryArgs(server.kind, port, data)]
      : [compiledMain(`tools/devstack/${server.kind}`), '--port', String(port), ...(server.kind === 'nats' ? [] : ['--data', data])];
  return { name: server.kind, nodeArgs, env: withoutKeys(env), logFile: folder.file('logs', `${server.kind}.log`), isReady: () => acceptsConnections(port) };
}

const binaryArgs = (kind: ServerKind, port: number, data: string): string[] =>
  kind === 'nats' ? ['--addr', '127.0.0.1', '--port', String(port)] : ['--bind_ip', '127.0.0.1', '--port', String(port), '--dbpath', data];

function bannerOf(servers: readonly ResolvedServer[]): string[] {
  const lines = servers.map((server) => {
    switch (server.from) {
      case 'environment':
        return `${server.kind.padEnd(11)} ${server.variable}`;
      case 'binary':
        return `${server.kind.padEnd(11)} ${server.binary}, on loopback`;
      case 'embedded':
        return `${server.kind.padEnd(11)} embedded`;
    }
  });
  const embedded = servers.some(({ from }) => from === 'embedded');
  return embedded ? [...lines, 'Embedded servers are for development only: loopback only, no production engine.'] : lines;
}
