import { eventually, tempDir } from '@ferry/testing/specs';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSuite } from './suite';

const END_MS = 60_000;
const never = new AbortController().signal;

/** A test project of its own, which reports nothing: its spec says that it runs, and ends as `body` says. */
const project = async (body: string) => {
  const folder = await tempDir('ferry-suite-');
  const said = join(folder.path, 'said');
  writeFileSync(join(folder.path, 'jest.config.json'), JSON.stringify({ rootDir: folder.path, testMatch: ['**/*.spec.js'], reporters: ['<rootDir>/quiet.js'] }));
  writeFileSync(join(folder.path, 'quiet.js'), 'module.exports = class {};');
  const test = `require('fs').writeFileSync(${JSON.stringify(said)}, ''); ${body}`;
  writeFileSync(join(folder.path, 'one.spec.js'), `it('runs', async () => { ${test} });`);
  return { said, args: ['--config', join(folder.path, 'jest.config.json')], remove: () => folder.remove() };
};

describe('the suite in its own process', () => {
  it.each([
    ['passes', 'expect(process.env.NATS_URL).toBe("nats://named:1");', 0],
    ['fails', 'expect(1).toBe(2);', 1],
  ])('gets the servers in its environment, and its exit code says that it %s', async (_, body, code) => {
    const { args, remove } = await project(body);
    expect(await runSuite({ NATS_URL: 'nats://named:1' }, args, never)).toBe(code);
    await remove();
  }, END_MS);

  it('is ended from outside, although a test waits', async () => {
    const { args, said, remove } = await project('await new Promise(() => setInterval(() => undefined, 1000));');
    const ended = new AbortController();
    const suite = runSuite({ NATS_URL: 'nats://named:1' }, args, ended.signal);
    await eventually(() => expect(existsSync(said)).toBe(true), { timeoutMs: 30_000 });
    ended.abort();
    expect(await suite).toBe(1);
    await remove();
  }, END_MS);
});
