import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { launcherFile } from '@ferry/devstack';
import { freePort, tempDir, type TempDir } from '@ferry/testing/specs';

const RUN = launcherFile('run.cjs');

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('npm start', () => {
  let folder: TempDir;
  beforeAll(async () => {
    folder = await tempDir('ferry-start-');
  });
  afterAll(() => folder.remove());

  it('says when it is ready and how to use it, serves, and is gone within 5 s of one Ctrl-C', async () => {
    const port = await freePort();
    const env = { ...process.env, GATEWAY_PORT: String(port), FERRY_DATA_DIR: folder.path };
    const launcher = spawn(process.execPath, [RUN, 'tools/devstack/launcher/src/main.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(launcher, 'exit');
    const output: string[] = [];
    for await (const line of createInterface(launcher.stdout)) {
      output.push(line);
      if (line.includes('Ctrl-C')) break;
    }
    const key = readFileSync(join(folder.path, 'dev-api-key'), 'utf8').trim();
    const printed = output.join('\n');
    expect(printed).toContain('✓ transfer');
    expect(printed).toContain(`http://127.0.0.1:${port}/docs`);
    expect(printed).toContain(join(folder.path, 'dev-api-key'));
    expect(printed).not.toContain(key);
    const assets = `http://127.0.0.1:${port}/v1/assets`;
    expect((await fetch(assets)).status).toBe(401);
    expect((await fetch(assets, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);

    const { launcher: _launcher, ...children } = JSON.parse(readFileSync(join(folder.path, 'processes.json'), 'utf8')) as Record<string, number>;
    expect(Object.keys(children).length).toBeGreaterThanOrEqual(8);
    const asked = performance.now();
    launcher.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect(Object.values(children).filter(isAlive)).toEqual([]);
  }, 90_000);
});
