import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { isAlive, launcherFile } from '@ferry/devstack';
import { eventually, freePort, tempDir, type TempDir } from '@ferry/testing/specs';

const RUN = launcherFile('run.cjs');
const ALL_PROCESSES = ['asset-catalog', 'cache-manager', 'gateway', 'lineage', 'provider-pixverse', 'provider-sora', 'simulator', 'transfer'];

describe('npm start', () => {
  let folder: TempDir;
  let port: number;
  let launcher: ChildProcessByStdio<null, Readable, null>;
  beforeAll(async () => {
    folder = await tempDir('ferry-start-');
    port = await freePort();
  });
  afterAll(async () => {
    if (launcher.exitCode === null && launcher.signalCode === null) {
      launcher.kill('SIGTERM');
      await once(launcher, 'exit');
    }
    await folder.remove();
  });

  /** Returns all that is printed until the system is ready. */
  const start = async (): Promise<string> => {
    const env = { ...process.env, GATEWAY_PORT: String(port), FERRY_DATA_DIR: folder.path };
    launcher = spawn(process.execPath, [RUN, 'tools/devstack/launcher/src/main.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const printed: string[] = [];
    for await (const line of createInterface(launcher.stdout)) {
      printed.push(line);
      if (line.includes('Ctrl-C')) return printed.join('\n');
    }
    throw new Error(`It ended:\n${printed.join('\n')}`);
  };

  const children = (): number[] => {
    const { launcher: _launcher, ...pids } = JSON.parse(readFileSync(join(folder.path, 'processes.json'), 'utf8')) as Record<string, number>;
    expect(Object.keys(pids)).toEqual(expect.arrayContaining(ALL_PROCESSES));
    return Object.values(pids);
  };

  it('says when it is ready and how to use it, serves, and leaves nothing behind when it is killed', async () => {
    const printed = await start();
    const key = readFileSync(join(folder.path, 'dev-api-key'), 'utf8').trim();
    for (const name of ALL_PROCESSES) expect(printed).toMatch(new RegExp(`✓ ${name} +ready in \\d+\\.\\d s`));
    expect(printed).toContain(`http://127.0.0.1:${port}/docs`);
    expect(printed).toContain(join(folder.path, 'dev-api-key'));
    expect(printed).not.toContain(key);
    const assets = `http://127.0.0.1:${port}/v1/assets`;
    expect((await fetch(assets)).status).toBe(401);
    expect((await fetch(assets, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);

    const pids = children();
    launcher.kill('SIGKILL');
    await eventually(() => expect(pids.filter(isAlive)).toEqual([]), { timeoutMs: 20_000 });
  }, 60_000);

  it('starts again in the folder of the killed one, and is gone within 5 s of one Ctrl-C', async () => {
    await start();
    const pids = children();
    const ended = once(launcher, 'exit');
    const asked = performance.now();
    launcher.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect(pids.filter(isAlive)).toEqual([]);
  }, 60_000);
});
