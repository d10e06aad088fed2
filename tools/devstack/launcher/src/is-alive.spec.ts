import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { eventually } from '@ferry/testing/specs';
import { isAlive } from './is-alive';

describe('isAlive', () => {
  it('is true of a process that runs, and false of one that ended', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    expect(isAlive(child.pid!)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(child.pid!)).toBe(false);
  });

  it('is false of a process that ended and that nobody has asked for yet', async () => {
    // The shell's child ends at once, and what the shell becomes never asks for it.
    const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
      await eventually(() => expect(isAlive(Number(line))).toBe(false));
      expect(spawnSync('ps', ['-o', 'stat=', '-p', line], { encoding: 'utf8' }).stdout.trim()).toMatch(/^(Z|$)/);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
