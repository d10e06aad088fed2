import { ROOT } from '@ferry/images';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const JEST = join(ROOT, 'node_modules/jest/bin/jest.js');
const END_WITHIN_MS = 10_000;

/** Ends jest and what its specs started: they share a process group of their own. */
const endGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

/**
 * Runs jest in a process of its own, with `env` over this environment.
 * @param args of jest; none for the whole suite
 * @param ended ends it: by SIGTERM, by SIGKILL after 10 s
 * @returns jest's exit code; 1 where a signal ended it
 */
export const runSuite = async (env: Readonly<Record<string, string>>, args: readonly string[], ended: AbortSignal): Promise<number> => {
  ended.throwIfAborted();
  const child = spawn(process.execPath, [JEST, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  let force: NodeJS.Timeout | undefined;
  const end = () => {
    endGroup(child, 'SIGTERM');
    force = setTimeout(() => endGroup(child, 'SIGKILL'), END_WITHIN_MS);
  };
  ended.addEventListener('abort', end);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    ended.removeEventListener('abort', end);
    clearTimeout(force);
  }
};
