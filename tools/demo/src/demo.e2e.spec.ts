import { spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { launcherFile } from '@ferry/devstack';

const RUN = launcherFile('run.cjs');

describe('npm run demo', () => {
  it('moves two videos across, proves it, and says so in one line of JSON', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, 'tools/demo/src/main.js', '--json'], { encoding: 'utf8', timeout: 110_000 });
    const lines = stdout.trimEnd().split('\n');
    expect(stderr).toBe('');
    expect(JSON.parse(lines.at(-1)!)).toEqual({
      downloads: 2,
      uploads: 2,
      bytes: 1_655_370,
      cachedSecondCall: true,
      nativeReturned: true,
      refusedEarly: true,
      lineageEdges: 1,
      events: expect.any(Number),
      rebuildEqual: true,
      seconds: expect.any(Number),
    });
    expect(status).toBe(0);
    expect(stdout).toBe(stripVTControlCharacters(stdout));
    expect(stdout).toContain("OpenAI shut Sora's Videos API down on 2026-09-24");
  }, 120_000);
});
