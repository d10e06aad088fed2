import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { writeAtomically } from './data-folder';

// Below what Linux and macOS give to outgoing connections: nobody gets one by chance between the choice and the use.
const LOWEST = 20_000;
const HIGHEST = 31_999;
/** Systems that start at the same time look in blocks of their own, so that they do not choose the same port before it is used. */
const BLOCK = 20;
const BLOCKS = (HIGHEST + 1 - LOWEST) / BLOCK;
const TRIES = 1_000;

let next = LOWEST + (process.pid % BLOCKS) * BLOCK;

export const PORT_NAMES = [
  'gateway', 'nats', 'eventstore', 'mongodb', 'simulator', 'cache-data',
  'asset-catalog', 'transfer', 'lineage', 'cache-manager', 'provider-pixverse', 'provider-sora',
] as const;
export type PortName = (typeof PORT_NAMES)[number];
export type Ports = Readonly<Record<PortName, number>>;

/**
 * Ports on 127.0.0.1 for every listener. Asked-for ones are used or refused; the others are drawn, and remembered in the
 * data folder: links that the system handed out still point to it after the next start.
 * @throws Error naming the first asked-for port that is taken
 */
export async function choosePorts(dataDir: string, asked: Partial<Ports>): Promise<Ports> {
  const file = join(dataDir, 'ports.json');
  const remembered = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Ports>) : {};
  const chosen: Partial<Record<PortName, number>> = {};
  for (const name of PORT_NAMES) {
    chosen[name] = await choose(name, asked[name], remembered[name], new Set(Object.values(chosen)));
  }
  writeAtomically(file, `${JSON.stringify(chosen, undefined, 2)}\n`);
  return chosen as Ports;
}

async function choose(name: PortName, asked: number | undefined, remembered: number | undefined, used: Set<number>): Promise<number> {
  if (asked !== undefined) {
    if (await isFree(asked)) return asked;
    const how = name === 'gateway' ? 'Stop what listens there, or choose another with GATEWAY_PORT.' : 'Stop what listens there, or choose another.';
    throw new Error(`Port ${asked} on 127.0.0.1, for the ${name}, is taken. ${how}`);
  }
  if (remembered !== undefined && !used.has(remembered) && (await isFree(remembered))) return remembered;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = next;
    next = port < HIGHEST ? port + 1 : LOWEST;
    if (!used.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`No free port found between ${LOWEST} and ${HIGHEST} for the ${name}.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen({ port, host: '127.0.0.1' });
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
