import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launcherFile } from '@ferry/devstack';
import type { StartedTestContainer } from 'testcontainers';
import { parse } from 'yaml';

const STORY_MS = 180_000;
const docker = spawnSync('docker', ['info'], { encoding: 'utf8', timeout: 20_000 });
const hasDocker = docker.status === 0;

interface ServerInCompose {
  readonly image: string;
  readonly command?: string[];
  readonly environment?: Record<string, string | number>;
}

/** The very servers of docker-compose.yml. */
const compose = parse(readFileSync(join(__dirname, '../../../docker-compose.yml'), 'utf8'), { merge: true }) as { services: Record<string, ServerInCompose> };

const SERVERS = [
  { name: 'nats', port: 4222, variable: 'NATS_URL', url: (at: string) => `nats://${at}` },
  { name: 'eventstore', port: 2113, variable: 'EVENTSTORE_URL', url: (at: string) => `esdb://${at}?tls=false` },
  { name: 'mongodb', port: 27017, variable: 'MONGODB_URL', url: (at: string) => `mongodb://${at}/ferry` },
] as const;

const startContainer = async ({ image, command, environment }: ServerInCompose, port: number): Promise<StartedTestContainer> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  const variables = Object.fromEntries(Object.entries(environment ?? {}).map(([name, value]) => [name, String(value)]));
  const container = new GenericContainer(image).withExposedPorts(port).withEnvironment(variables).withWaitStrategy(Wait.forListeningPorts());
  return (command ? container.withCommand(command) : container).start();
};

describe('the demo on the real servers of docker-compose.yml', () => {
  const onDocker = hasDocker ? it : it.skip;
  onDocker(
    `is the same story${hasDocker ? '' : ' (skipped: there is no Docker engine here)'}`,
    async () => {
      const containers = await Promise.all(SERVERS.map(({ name, port }) => startContainer(compose.services[name]!, port)));
      try {
        const urls = SERVERS.map(({ variable, url, port }, index) => {
          const container = containers[index]!;
          return [variable, url(`${container.getHost()}:${container.getMappedPort(port)}`)];
        });
        const env = { ...process.env, ...Object.fromEntries(urls) };
        const args = [launcherFile('run.cjs'), 'tools/demo/src/main.js', '--json'];
        const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: STORY_MS, env });
        expect(stderr).toBe('');
        expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({ downloads: 2, uploads: 2, rebuildEqual: true });
      } finally {
        await Promise.all(containers.map((container) => container.stop()));
      }
    },
    STORY_MS + 300_000,
  );

  it('runs where `docker info` succeeds, and only there', () => {
    const why = docker.error?.message ?? docker.stderr;
    expect(hasDocker ? docker.stdout : why).toMatch(hasDocker ? /Server/ : /docker/i);
  });

  it('names an image for each server', () => {
    for (const { name } of SERVERS) expect(compose.services[name]?.image).toMatch(/:[0-9]/);
  });
});
