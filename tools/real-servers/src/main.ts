import { dockerProblem } from './docker';
import { startRealServers } from './real-servers';
import { runSuite } from './suite';

const REQUIRE_DOCKER = '--require-docker';
/** EX_UNAVAILABLE of sysexits.h: no Docker engine although it was required. jest's own failures are 1. */
const NO_DOCKER = 69;
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Aborted by the first signal to end; a second one ends at once, and then testcontainers' own reaper removes the containers. */
const onSignal = (): { readonly ended: AbortSignal; exitCode(): number | undefined } => {
  const controller = new AbortController();
  let exitCode: number | undefined;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (exitCode !== undefined) process.exit(code);
      exitCode = code;
      say(`\n${signal}: stopping… (once more: at once)`);
      controller.abort();
    });
  }
  return { ended: controller.signal, exitCode: () => exitCode };
};

const onRealServers = async (args: readonly string[]): Promise<number> => {
  const { ended, exitCode } = onSignal();
  const servers = await startRealServers(say);
  try {
    const code = ended.aborted ? undefined : await runSuite(servers.urls, args, ended);
    return exitCode() ?? code ?? 1;
  } finally {
    await servers.stop();
    say('the containers are removed');
  }
};

/** `npm run test:real`: the whole suite on the real servers of docker-compose.yml. Further arguments go to jest. */
const main = async (args: readonly string[]): Promise<number> => {
  const required = args.includes(REQUIRE_DOCKER);
  const problem = dockerProblem();
  if (problem === undefined) return onRealServers(args.filter((argument) => argument !== REQUIRE_DOCKER));
  say(`${required ? 'FAILED' : 'skipped'}: the tests on real servers need a Docker engine, and there is none here: ${problem}`);
  return required ? NO_DOCKER : 0;
};

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
