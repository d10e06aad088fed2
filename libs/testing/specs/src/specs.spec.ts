import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually, freePort, rounds, seed, spawnTs, tempDir, type TempDir } from './index';

describe('eventually', () => {
  it('returns the first success', async () => {
    let calls = 0;
    const value = await eventually(() => {
      calls += 1;
      if (calls < 3) throw new Error('not yet');
      return calls;
    }, { everyMs: 1 });
    expect(value).toBe(3);
  });

  it('throws the last error, with how long it waited and the original as cause', async () => {
    const original = new Error('still red');
    const failure = eventually(() => Promise.reject(original), { timeoutMs: 60, everyMs: 5 });
    await expect(failure).rejects.toThrow(/^not so after \d+ ms \(\d+ tries\): still red$/);
    await expect(failure).rejects.toMatchObject({ cause: original });
  });

  it('gives up on a check that hangs', async () => {
    await expect(eventually(() => new Promise(() => {}), { timeoutMs: 50 })).rejects.toThrow('the check itself did not return');
  });
});

describe('freePort', () => {
  it('gives a port that can be listened on', async () => {
    const server = createServer().listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  });
});

describe('tempDir', () => {
  it('makes a directory and removes it with all in it, also twice', async () => {
    const directory = await tempDir('ferry-specs-');
    await writeFile(join(directory.path, 'file'), 'content');
    await directory.remove();
    await directory.remove();
    expect(existsSync(directory.path)).toBe(false);
  });
});

describe('randomness', () => {
  const saved = { ...process.env };
  afterEach(() => {
    process.env = { ...saved };
  });

  it('keeps one seed', () => {
    expect(Number.isInteger(seed())).toBe(true);
    expect(seed()).toBe(seed());
  });

  it('multiplies rounds and refuses a value that is no whole number', () => {
    delete process.env.FERRY_TEST_ROUNDS;
    expect(rounds(7)).toBe(7);
    process.env.FERRY_TEST_ROUNDS = '10';
    expect(rounds(7)).toBe(70);
    process.env.FERRY_TEST_ROUNDS = 'many';
    expect(() => rounds(7)).toThrow('FERRY_TEST_ROUNDS must be a whole number from 1 to 1000000, not "many"');
  });
});

describe('spawnTs', () => {
  let directory: TempDir;
  beforeAll(async () => {
    directory = await tempDir('ferry-specs-');
  });
  afterAll(() => directory.remove());

  const program = async (source: string): Promise<string> => {
    const file = join(directory.path, `${seed()}-${source.length}.ts`);
    await writeFile(file, source);
    return file;
  };

  it('runs TypeScript with aliases, decorator metadata, arguments and environment, and reports the exit', async () => {
    const file = await program(`
      import { rounds } from '@ferry/testing/specs';
      const marked: ClassDecorator = () => undefined;
      const types: unknown[] = [];
      (Reflect as { metadata?: unknown }).metadata = (key: string, value: unknown[]) => {
        if (key === 'design:paramtypes') types.push(...value);
        return () => undefined;
      };
      class Part {}
      @marked class Whole { constructor(readonly part: Part) {} }
      process.stdout.write('rounds ' + rounds(2) + ' ' + process.argv[2] + ' ' + (types[0] === Part) + Whole.name + '\\n');
      process.exitCode = 3;`);
    const child = spawnTs(file, ['argument'], { FERRY_TEST_ROUNDS: '4' });
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(child.output()).toBe('rounds 8 argument trueWhole\n');
  });

  it('finds a line that came and one that will come, and kills', async () => {
    const file = await program(`process.stdout.write('half '); process.stderr.write('ready 42\\n'); setInterval(() => {}, 1000);`);
    const child = spawnTs(file);
    expect((await child.waitForLine(/ready (\d+)/, 10_000))[1]).toBe('42');
    expect((await child.waitForLine(/ready (\d+)/, 1))[1]).toBe('42');
    await expect(child.waitForLine(/never/, 20)).rejects.toThrow('waited 20 ms');
    expect(await child.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('rejects the wait for a line when the program ends without it, and shows what it said', async () => {
    const file = await program(`throw new Error('broken at the start');`);
    await expect(spawnTs(file).waitForLine(/ready/, 10_000)).rejects.toThrow(/the program has ended[^]*broken at the start/);
  });
});
