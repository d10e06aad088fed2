import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

const WORKSPACE_ROOT = join(__dirname, '../../../..');
const MAX_OUTPUT_CHARACTERS = 256 * 1024;
const SHOWN_ON_FAILURE = 2_000;
/** A grandchild may hold the pipes open after the program itself is gone. */
const OUTPUT_AFTER_EXIT_MS = 1_000;

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnedProgram {
  pid: number;
  /** The last 256 Ki characters of stdout and stderr, in the order of arrival. */
  output(): string;
  /** Resolves with the first line (past ones included) that matches; rejects at the end of the program or of the time. */
  waitForLine(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray>;
  /** Sends the signal (default SIGTERM) and resolves at the exit. */
  kill(signal?: NodeJS.Signals): Promise<ChildExit>;
  exited: Promise<ChildExit>;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/**
 * Starts a TypeScript main in a process of its own, with the running Node and without a build.
 * @param file absolute, or relative to the workspace root
 * @param env added to this process's environment
 */
export function spawnTs(file: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): SpawnedProgram {
  const register = join(WORKSPACE_ROOT, 'tools/build/register.js');
  const child = spawn(process.execPath, ['-r', register, resolve(WORKSPACE_ROOT, file), ...args], {
    cwd: WORKSPACE_ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) throw new Error(`could not start ${process.execPath} for ${file}`);
  const output = new CollectedOutput(child);
  const exited = exitOf(child).finally(() => output.end());
  return {
    pid: child.pid,
    output: () => output.text,
    waitForLine: (pattern, timeoutMs) => output.waitForLine(pattern, timeoutMs),
    kill: (signal = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
    exited,
  };
}

async function exitOf(child: Child): Promise<ChildExit> {
  const drained = once(child, 'close');
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  await Promise.race([drained, pause(OUTPUT_AFTER_EXIT_MS, undefined, { ref: false })]);
  return { code, signal };
}

class CollectedOutput {
  text = '';
  private ended = false;
  private readonly waiting = new Set<() => void>();

  constructor(child: Child) {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.text = (this.text + text).slice(-MAX_OUTPUT_CHARACTERS);
        this.wake();
      });
    }
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  waitForLine(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    return new Promise((found, failed) => {
      const stop = () => {
        clearTimeout(timer);
        this.waiting.delete(look);
      };
      const fail = (why: string) => {
        stop();
        failed(new Error(`no line matches ${pattern}: ${why}. Its output ends with:\n${this.text.slice(-SHOWN_ON_FAILURE)}`));
      };
      const look = () => {
        const match = this.find(pattern);
        if (match) {
          stop();
          found(match);
        } else if (this.ended) fail('the program has ended');
      };
      const timer = setTimeout(() => fail(`waited ${timeoutMs} ms`), timeoutMs);
      this.waiting.add(look);
      look();
    });
  }

  private find(pattern: RegExp): RegExpMatchArray | undefined {
    const lines = this.text.split('\n');
    const complete = this.ended ? lines : lines.slice(0, -1);
    for (const line of complete) {
      const match = line.match(pattern);
      if (match) return match;
    }
    return undefined;
  }

  private wake(): void {
    for (const look of [...this.waiting]) look();
  }
}
