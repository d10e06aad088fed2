import { parseArgs } from 'node:util';
import { startSystem, type System } from './system';

const USAGE = 'Usage: npm start -- [--data <folder>]   (or FERRY_DATA_DIR; default: data)';

function readArguments(): { dataDir: string } {
  try {
    const { values } = parseArgs({ options: { data: { type: 'string' } } });
    return { dataDir: values.data ?? (process.env.FERRY_DATA_DIR || 'data') };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${USAGE}`);
  }
}

const howToUse = ({ gatewayUrl, apiKeyFile, dataDir }: System, seconds: string): string => `
Ferry runs (ready in ${seconds} s). Data: ${dataDir}
  API          ${gatewayUrl}/v1
  Reference    ${gatewayUrl}/docs
  Try it       curl -H "Authorization: Bearer $(cat '${apiKeyFile}')" ${gatewayUrl}/v1/assets
Simulators stand in for the vendors unless PIXVERSE_* and SORA_* say otherwise. Ctrl-C stops all.
`;

async function run(): Promise<void> {
  const started = performance.now();
  const signalled = onSignal();
  const system = await startSystem({ ...readArguments(), signal: signalled });
  process.stdout.write(howToUse(system, ((performance.now() - started) / 1000).toFixed(1)));
  const stop = () => {
    process.stdout.write('\nStopping… (once more: at once)\n');
    process.once('SIGINT', () => void system.kill());
    void system.stop();
  };
  if (signalled.aborted) stop();
  else signalled.addEventListener('abort', stop);
  const failure = await system.stopped;
  if (failure) throw failure;
}

/** Aborted by the first signal to end. The terminal's hang-up ends the system as Ctrl-C does. */
function onSignal(): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error('Stopped before it was ready.'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, abort);
  return controller.signal;
}

/** Called by `run.cjs`. */
export function main(): void {
  run().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
}

if (require.main === module) main();
