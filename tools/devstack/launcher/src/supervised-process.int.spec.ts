import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, freePort, tempDir, type TempDir } from '@ferry/testing/specs';
import { isAlive } from './is-alive';
import { acceptsConnections } from './readiness';
import { SupervisedProcess, type ProcessListener } from './supervised-process';
import { launcherFile } from './workspace';

class Heard implements ProcessListener {
  readonly events: string[] = [];
  failure: Error | undefined;
  ready = (name: string) => void this.events.push(`${name} ready`);
  died = (name: string, how: string) => void this.events.push(`${name} died of ${how}`);
  gaveUp = (error: Error) => void (this.failure = error);
}

const gone = (pid: number) => eventually(() => expect(isAlive(pid)).toBe(false), { timeoutMs: 10_000 });

describe('SupervisedProcess', () => {
  let folder: TempDir;
  let started: SupervisedProcess[];
  beforeEach(async () => {
    folder = await tempDir('ferry-supervised-');
    started = [];
  });
  afterEach(async () => {
    await Promise.all(started.map((child) => child.stop(0)));
    await folder.remove();
  });

  const script = (name: string, source: string): string => {
    const file = join(folder.path, `${name}.cjs`);
    writeFileSync(file, source);
    return file;
  };

  const supervise = async (source: string, heard: ProcessListener = new Heard(), pauses?: { first: number; longest: number }) => {
    const port = await freePort();
    const logFile = join(folder.path, 'child.log');
    const child = new SupervisedProcess(
      { name: 'child', nodeArgs: [script('child', source)], env: { ...process.env, PORT: String(port) }, logFile, isReady: () => acceptsConnections(port) },
      heard,
      pauses,
    );
    started.push(child);
    child.start();
    return { child, logFile };
  };

  const LISTENING = `require('node:net').createServer().listen(Number(process.env.PORT), '127.0.0.1'); console.log('started');`;

  it('is ready when it listens, writes its log, and ends at SIGTERM', async () => {
    const heard = new Heard();
    const { child, logFile } = await supervise(LISTENING, heard);
    await child.ready();
    const pid = child.pid!;
    expect(heard.events).toEqual(['child ready']);
    expect(readFileSync(logFile, 'utf8')).toBe('started\n');
    await child.stop(2_000);
    expect(isAlive(pid)).toBe(false);
    expect(child.pid).toBeUndefined();
    expect(heard.events).toEqual(['child ready']);
    await expect(child.ready()).rejects.toThrow('child was stopped');
  });

  it('starts it again when it was killed, and counts that', async () => {
    const heard = new Heard();
    const { child } = await supervise(LISTENING, heard);
    await child.ready();
    const first = child.pid!;
    child.kill('SIGKILL');
    await eventually(() => expect(child.restarts).toBe(1));
    await child.ready();
    expect(child.pid).not.toBe(first);
    expect(heard.events).toEqual(['child ready', 'child died of SIGKILL', 'child ready']);
  });

  it('restarts it on demand, which is no death', async () => {
    const { child } = await supervise(LISTENING);
    await child.ready();
    const first = child.pid!;
    await child.restart();
    expect(child.pid).not.toBe(first);
    expect(isAlive(first)).toBe(false);
    expect(child.restarts).toBe(0);
  });

  it('kills one that ignores SIGTERM, with what it started itself', async () => {
    const source = `process.on('SIGTERM', () => {});
      const own = require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)']);
      require('node:fs').writeFileSync(${JSON.stringify(folder.path)} + '/own', String(own.pid));
      ${LISTENING}`;
    const { child } = await supervise(source);
    await child.ready();
    const own = Number(readFileSync(join(folder.path, 'own'), 'utf8'));
    const asked = performance.now();
    await child.stop(200);
    expect(performance.now() - asked).toBeGreaterThanOrEqual(190);
    await gone(own);
  });

  it('gives up after ten deaths within a minute and shows the end of the log', async () => {
    const heard = new Heard();
    const { child } = await supervise(`console.error('no configuration: set PORT'); process.exit(3);`, heard, { first: 1, longest: 1 });
    await eventually(() => expect(heard.failure).toBeDefined());
    expect(heard.failure!.message).toMatch(/^child died 10 times within a minute, the last time by exit code 3\..*\n    no configuration: set PORT/);
    expect(heard.events).toHaveLength(9);
    await expect(child.ready()).rejects.toBe(heard.failure);
  });

  it('says what the log says when it is not ready in time', async () => {
    const { child } = await supervise(`console.log('waiting for a server'); setInterval(() => {}, 1000);`);
    await eventually(() => expect(readFileSync(join(folder.path, 'child.log'), 'utf8')).toContain('waiting'));
    await expect(child.ready(50)).rejects.toThrow(/^child was not ready within 0.05 s\. Its log ends with:\n    waiting for a server\n/);
  });

  it('keeps a log of bounded size', async () => {
    const logFile = join(folder.path, 'child.log');
    writeFileSync(logFile, Buffer.alloc(10 * 1024 * 1024 + 1, 'x'));
    const { child } = await supervise(LISTENING);
    await child.ready();
    expect(statSync(logFile).size).toBeLessThan(100);
    expect(existsSync(`${logFile}.1`)).toBe(true);
  });

  /** Starts a process that supervises `nodeArgs` and reports the pids that run under it. */
  const launcherOf = async (nodeArgs: string[]) => {
    const source = `const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ${JSON.stringify(['-r', launcherFile('exit-with-parent.cjs'), ...nodeArgs])}, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
      setInterval(() => {}, 1000);`;
    const launcher = spawn(process.execPath, [script('launcher', source)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(launcher.stdout, 'data')) as [Buffer];
    return { launcher, pid: Number(line.toString()) };
  };

  const TELLS = 'console.log(process.pid); setInterval(() => {}, 1000);';

  it.each([
    ['a Node process', () => [script('tells', TELLS)]],
    ['one that ignores SIGTERM', () => [script('tells', `process.on('SIGTERM', () => {}); ${TELLS}`)]],
    ['a foreign program', () => [launcherFile('with-launcher.cjs'), process.execPath, '-e', TELLS]],
  ])('leaves nothing behind when the launcher is killed: %s', async (_name, nodeArgs) => {
    const { launcher, pid } = await launcherOf(nodeArgs());
    expect(isAlive(pid)).toBe(true);
    launcher.kill('SIGKILL');
    await gone(pid);
  });
});
