import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(__dirname, '../main.ts');
const REGISTER = join(__dirname, '../../../../build/register.js');

/** The server as a process of its own. */
export class ServerProcess {
  readonly lines: string[] = [];
  stderr = '';

  private constructor(readonly child: ChildProcessWithoutNullStreams) {
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  static spawn(...args: string[]): ServerProcess {
    return new ServerProcess(spawn(process.execPath, ['-r', REGISTER, MAIN, ...args]));
  }

  /** A server whose files cannot grow beyond so many blocks: as a full disk, it is refused what would. */
  static spawnLimited(blocks: number, ...args: string[]): ServerProcess {
    const limit = `trap '' XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`;
    return new ServerProcess(spawn('sh', ['-c', limit, process.execPath, '-r', REGISTER, MAIN, ...args]));
  }

  /** Resolves with the connection string. */
  async ready(): Promise<string> {
    for await (const line of createInterface({ input: this.child.stdout })) {
      this.lines.push(line);
      if (line.startsWith('esdb://')) return line;
    }
    throw new Error(`the server ended before it was ready: ${this.stderr}`);
  }

  /** Sends a signal and resolves with how the process ended. */
  async end(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      if (signal) child.kill(signal);
      await exit;
    }
    return { code: child.exitCode, signal: child.signalCode };
  }
}
