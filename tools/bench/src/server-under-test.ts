import { resolveServer } from '@ferry/devstack';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const DEVSTACK = join(__dirname, '../../devstack');

/** A server in a process of its own, on a fresh folder that goes with it. */
export interface ServerUnderTest {
  readonly url: string;
  /** Resident memory, bytes; undefined where the system has no /proc. */
  memory(): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** Starts an embedded server as `nx run <name>:serve` does. */
export async function startEmbedded(name: 'eventstore' | 'nats' | 'mongodb'): Promise<ServerUnderTest> {
  const data = await mkdtemp(join(tmpdir(), `ferry-bench-${name}-`));
  const main = join(DEVSTACK, name, 'src/main.js');
  const options = name === 'nats' ? [] : ['--data', data];
  const child = spawn(process.execPath, [main, '--port', '0', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await lineOf(child, child.stdout, /^[a-z]+:\/\/\S+$/);
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(data, { recursive: true });
  };
  return { url, memory: () => residentMemory(child.pid), stop };
}

/** A compiled program of this repository. */
export interface Program {
  /** The line by which it said that it is ready. */
  readonly line: string;
  memory(): Promise<number | undefined>;
  /** Seconds that it has computed; undefined where the system has no /proc. */
  cpuSeconds(): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** Starts a compiled program, such as `apps/transfer/src/main.js`, and waits for its line. */
export async function startProgram(main: string, options: readonly string[], env: NodeJS.ProcessEnv, ready: RegExp): Promise<Program> {
  const child = spawn(process.execPath, [join(__dirname, '../../..', main), ...options], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const line = await lineOf(child, child.stdout, ready);
  return { line, memory: () => residentMemory(child.pid), cpuSeconds: () => cpuSeconds(child.pid), stop: () => end(child) };
}

/** Starts a program of the system that says on its standard error when it is ready. */
export async function startForeign(command: string, options: readonly string[], ready: RegExp): Promise<Program> {
  const child = spawn(command, options, { stdio: ['ignore', 'ignore', 'pipe'] });
  const line = await lineOf(child, child.stderr, ready);
  return { line, memory: () => residentMemory(child.pid), cpuSeconds: () => cpuSeconds(child.pid), stop: () => end(child) };
}

/** Starts a real nats-server on a free port. */
async function startRealNats(binary: string): Promise<ServerUnderTest> {
  const child = spawn(binary, ['--addr', '127.0.0.1', '--port', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const line = await lineOf(child, child.stderr, /Listening for client connections on 127\.0\.0\.1:\d+/);
  return { url: `nats://${line.slice(line.lastIndexOf(' ') + 1)}`, memory: () => residentMemory(child.pid), stop: () => end(child) };
}

/** The server that NATS_URL names, or a nats-server on the PATH; undefined where there is none. */
export async function realNats(): Promise<ServerUnderTest | undefined> {
  const resolved = resolveServer('nats', process.env, process.env['PATH'] ?? '');
  if (resolved.from === 'binary') return startRealNats(resolved.binary);
  if (resolved.from === 'embedded') return undefined;
  return { url: resolved.url, memory: async () => undefined, stop: async () => undefined };
}

async function lineOf(child: ChildProcess, output: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  const lines = createInterface({ input: output });
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const found = pattern.exec(line);
      if (found) resolve(found[0]);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it was ready`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

async function residentMemory(pid: number | undefined): Promise<number | undefined> {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  const kib = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

const TICKS_PER_SECOND = 100;

async function cpuSeconds(pid: number | undefined): Promise<number | undefined> {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // Its name, the second field, may hold blanks; user and system time are the 14th and the 15th.
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}
