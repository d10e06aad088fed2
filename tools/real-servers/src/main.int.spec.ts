import { spawnTs, tempDir, type TempDir } from '@ferry/testing/specs';

const MAIN = 'tools/real-servers/src/main.ts';
const END_MS = 20_000;

describe('npm run test:real where no Docker engine answers', () => {
  let empty: TempDir;
  beforeAll(async () => {
    empty = await tempDir('ferry-no-docker-');
  });
  afterAll(() => empty.remove());

  it.each([
    ['says so in one line and passes', [], 0, /^skipped: the tests on real servers need a Docker engine, .*docker.*\n$/i],
    ['fails with a code of its own where Docker is required', ['--require-docker'], 69, /^FAILED: the tests on real servers need a Docker engine, .*docker.*\n$/i],
  ])('%s', async (_, args, code, line) => {
    const program = spawnTs(MAIN, args, { PATH: empty.path });
    expect(await program.exited).toEqual({ code, signal: null });
    expect(program.output()).toMatch(line);
  }, END_MS);
});
