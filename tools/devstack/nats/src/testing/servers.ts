import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort } from '@ferry/testing/specs';
import { startNats } from '../server';

export interface RunningServer {
  connectionString: string;
  port: number;
  close(): Promise<void>;
}

export interface ServerKind {
  name: string;
  start(port?: number): Promise<RunningServer>;
  /** Why its tests are left out; absent when they run. */
  skipped?: string;
}

const READY_WITHIN_MS = 10_000;

/** The embedded server, and the real one where it is installed: both must behave the same. */
export const SERVERS: ServerKind[] = [
  { name: 'the embedded server', start: (port = 0) => startNats({ port }) },
  { name: 'nats-server', start: startRealServer, skipped: whyNoRealServer() },
];

/** Runs the suite for each server, and names the reason where one is left out. */
export function describeServers(suite: (kind: ServerKind) => void): void {
  for (const kind of SERVERS) {
    if (kind.skipped === undefined) describe(kind.name, () => suite(kind));
    else describe.skip(`${kind.name} (left out: ${kind.skipped})`, () => suite(kind));
  }
}

function whyNoRealServer(): string | undefined {
  try {
    execFileSync('nats-server', ['--version'], { stdio: 'ignore', timeout: READY_WITHIN_MS });
    return undefined;
  } catch (error) {
    return `no nats-server on the PATH (${(error as NodeJS.ErrnoException).code ?? 'it fails'})`;
  }
}

async function startRealServer(wanted?: number): Promise<RunningServer> {
  const port = wanted ?? (await freePort());
  const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
  await untilReady(child);
  return {
    connectionString: `nats://127.0.0.1:${port}`,
    port,
    close: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function untilReady(child: ChildProcess): Promise<void> {
  const deadline = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS);
  try {
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      if (line.includes('Server is ready')) return;
    }
  } finally {
    clearTimeout(deadline);
    child.stderr?.resume();
  }
  throw new Error('nats-server ended, or was not ready in time');
}
