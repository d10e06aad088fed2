import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import { isAlive } from './is-alive';
import { startSystem, type System } from './system';
import { buildWorkspace, launcherFile } from './workspace';

const EMBEDDED = { FERRY_EMBEDDED: 'nats,eventstore,mongodb', NATS_URL: '', EVENTSTORE_URL: '', MONGODB_URL: '' };

/** What `npm start` does, with its exit. */
async function npmStart(dataDir: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; stderr: string }> {
  const args = [launcherFile('run.cjs'), 'tools/devstack/launcher/src/main.js', '--data', dataDir];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...EMBEDDED, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

describe('the servers and the simulator', () => {
  let folder: TempDir;
  let system: System;
  beforeAll(async () => {
    buildWorkspace();
    folder = await tempDir('ferry-system-');
    system = await startSystem({ dataDir: join(folder.path, 'data'), env: EMBEDDED, ports: { gateway: 0 }, services: [], quiet: true });
  }, 60_000);
  afterAll(async () => {
    const pids = Object.values(system.processes).map(({ pid }) => pid!);
    await system.stop();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(await system.stopped).toBeUndefined();
    await folder.remove();
  });

  it('run on loopback with the connection strings that production has', () => {
    expect(Object.keys(system.processes).sort()).toEqual(['eventstore', 'mongodb', 'nats', 'simulator']);
    expect(system.urls.nats).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
    expect(system.urls.eventstore).toMatch(/^esdb:\/\/127\.0\.0\.1:\d+\?tls=false$/);
    expect(system.urls.mongodb).toMatch(/^mongodb:\/\/127\.0\.0\.1:\d+\/ferry$/);
  });

  it('come back by themselves, where they were', async () => {
    const { simulator } = system.processes;
    const before = simulator!.pid;
    simulator!.kill('SIGKILL');
    await eventually(() => expect(simulator!.restarts).toBe(1));
    await simulator!.ready();
    expect(simulator!.pid).not.toBe(before);
    expect((await fetch(`${system.urls.simulator.control}/counters`)).status).toBe(200);
  });

  it('are refused a second time on the same folder, which names the process that uses it', async () => {
    const { code, stderr } = await npmStart(system.dataDir, { GATEWAY_PORT: '' });
    expect(stderr).toBe(`${system.dataDir} is in use by the system with process id ${process.pid}. Stop that one, or choose another folder with FERRY_DATA_DIR.\n`);
    expect(code).toBe(1);
  });

  it('do not start when the port of the gateway is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const other = join(folder.path, 'other');
    const { code, stderr } = await npmStart(other, { GATEWAY_PORT: String(port) });
    expect(stderr).toBe(`Port ${port} on 127.0.0.1, for the gateway, is taken. Stop what listens there, or choose another with GATEWAY_PORT.\n`);
    expect(code).toBe(1);
    expect(Object.keys(JSON.parse(readFileSync(join(other, 'processes.json'), 'utf8')) as object)).toEqual(['launcher']);
    taken.close();
  });

  it('leave nothing running when the start is broken off', async () => {
    const controller = new AbortController();
    const dataDir = join(folder.path, 'broken-off');
    const starting = startSystem({ dataDir, env: EMBEDDED, ports: { gateway: 0 }, services: [], quiet: true, signal: controller.signal });
    const refused = expect(starting).rejects.toThrow('enough');
    const pids = await eventually(() => {
      const { launcher: _launcher, ...children } = JSON.parse(readFileSync(join(dataDir, 'processes.json'), 'utf8')) as Record<string, number>;
      expect(Object.keys(children)).toHaveLength(4);
      return Object.values(children);
    });
    controller.abort(new Error('enough'));
    await refused;
    expect(pids.filter(isAlive)).toEqual([]);
  });
});
