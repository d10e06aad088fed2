import { launcherFile } from '@ferry/devstack';
import { dockerProblem, REAL_SERVERS, startRealServers } from '@ferry/real-servers';
import { spawnSync } from 'node:child_process';

const STORY_MS = 180_000;
const START_MS = 600_000;
const named = REAL_SERVERS.map(({ variable }) => variable).filter((variable) => process.env[variable]);
const problem = named.length > 0 ? `demo.e2e.spec.ts runs on what ${named.join(', ')} names` : dockerProblem();

describe('the demo on the real servers of docker-compose.yml', () => {
  const onDocker = problem === undefined ? it : it.skip;
  onDocker(
    `is the same story${problem === undefined ? '' : ` (skipped: ${problem})`}`,
    async () => {
      const progress: string[] = [];
      const servers = await startRealServers((line) => progress.push(line));
      try {
        const args = [launcherFile('run.cjs'), 'tools/demo/src/main.js', '--json'];
        const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: STORY_MS, env: { ...process.env, ...servers.urls } });
        expect(stderr).toBe('');
        expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({ downloads: 2, uploads: 2, rebuildEqual: true });
      } finally {
        await servers.stop();
      }
    },
    STORY_MS + START_MS,
  );
});
