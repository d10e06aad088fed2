import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const SERVER_KINDS = ['nats', 'eventstore', 'mongodb'] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

/** Which server stands behind one connection string. */
export type ResolvedServer =
  | { readonly kind: ServerKind; readonly from: 'environment'; readonly url: string; readonly variable: string }
  | { readonly kind: ServerKind; readonly from: 'binary'; readonly binary: string }
  | { readonly kind: ServerKind; readonly from: 'embedded' };

export const URL_VARIABLES: Readonly<Record<ServerKind, string>> = {
  nats: 'NATS_URL',
  eventstore: 'EVENTSTORE_URL',
  mongodb: 'MONGODB_URL',
};

/** Real servers that can be started as they are. EventStoreDB comes as an image, not as a program on the PATH. */
const BINARIES: Partial<Record<ServerKind, string>> = { nats: 'nats-server', mongodb: 'mongod' };

/**
 * A URL in the environment wins; else a real server's program on the PATH, unless FERRY_EMBEDDED names the server; else
 * the embedded one.
 * @param searchPath as in PATH
 * @throws Error where FERRY_EMBEDDED names an unknown server, or one that has a URL too
 */
export function resolveServer(kind: ServerKind, env: NodeJS.ProcessEnv, searchPath: string): ResolvedServer {
  const forced = forcedEmbedded(env);
  const variable = URL_VARIABLES[kind];
  const url = env[variable];
  if (url) {
    if (forced.includes(kind)) throw new Error(`FERRY_EMBEDDED names ${kind}, but ${variable} is set too. Unset one of them.`);
    return { kind, from: 'environment', url, variable };
  }
  const binary = forced.includes(kind) ? undefined : findBinary(BINARIES[kind], searchPath);
  return binary ? { kind, from: 'binary', binary } : { kind, from: 'embedded' };
}

function forcedEmbedded(env: NodeJS.ProcessEnv): string[] {
  const names = (env.FERRY_EMBEDDED ?? '').split(',').map((name) => name.trim()).filter(Boolean);
  const unknown = names.find((name) => !SERVER_KINDS.some((kind) => kind === name));
  if (unknown) throw new Error(`FERRY_EMBEDDED names "${unknown}". Known: ${SERVER_KINDS.join(', ')}.`);
  return names;
}

function findBinary(name: string | undefined, searchPath: string): string | undefined {
  if (!name) return undefined;
  return searchPath
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  if (!existsSync(file) || !statSync(file).isFile()) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return false;
    throw error;
  }
}
