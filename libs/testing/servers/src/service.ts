import { spawnTs, type ChildExit } from '@ferry/testing/specs';
import type { Servers } from './servers';

/** A service as it runs in production: a process of its own. */
export interface Service {
  /** Of /healthz, /readyz and /metrics. */
  readonly httpUrl: string;
  readonly pid: number;
  output(): string;
  readonly exited: Promise<ChildExit>;
  /** SIGTERM by default. */
  stop(signal?: NodeJS.Signals): Promise<ChildExit>;
}

const READY_MS = 60_000;

/** Starts `apps/{name}` and waits until it says that it is ready. */
export const startService = (name: string, servers: Pick<Servers, 'urls'>, env: NodeJS.ProcessEnv = {}): Promise<Service> => startProgram(`apps/${name}/src/main.ts`, servers, env);

/** As `startService`, from any file of the workspace. */
export const startProgram = async (file: string, { urls }: Pick<Servers, 'urls'>, env: NodeJS.ProcessEnv = {}): Promise<Service> => {
  const program = spawnTs(file, [], { LOG_LEVEL: 'info', HTTP_PORT: '0', ...urls, ...env });
  const [, httpUrl] = await program.waitForLine(/"http":"([^"]+)".*"msg":"ready"/, READY_MS).catch(async (error: unknown) => {
    await program.kill('SIGKILL');
    throw error;
  });
  return { httpUrl: httpUrl!, pid: program.pid, output: () => program.output(), exited: program.exited, stop: (signal) => program.kill(signal) };
};
