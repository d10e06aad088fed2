import { spawnSync } from 'node:child_process';

const ANSWER_WITHIN_MS = 20_000;

/** Why no container can run here, in one line; undefined where a Docker engine answers `docker info`. */
export const dockerProblem = (): string | undefined => {
  const { status, error, stderr } = spawnSync('docker', ['info'], { encoding: 'utf8', timeout: ANSWER_WITHIN_MS });
  if (error) return error.message;
  if (status === 0) return undefined;
  return stderr.trim().split('\n')[0] || `\`docker info\` ended with ${status}`;
};
