import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startSystem, type System } from '@ferry/devstack';
import { Screen, seconds } from './screen';
import { Story, type Outcome } from './story';

const INTRODUCTION = [
  'Simulators stand in for the vendors: no account, no cost, nothing leaves this machine.',
  "OpenAI shut Sora's Videos API down on 2026-09-24; here its simulator answers as the API did.",
];

const readArguments = () => parseArgs({ options: { json: { type: 'boolean', default: false } } }).values;

async function run(): Promise<boolean> {
  const { json } = readArguments();
  const started = performance.now();
  const screen = new Screen(process.stdout);
  screen.title('Ferry: one video from PixVerse to Sora, and another one back');
  INTRODUCTION.forEach((line) => screen.text(line));
  const dataDir = await mkdtemp(join(tmpdir(), 'ferry-demo-'));
  const { outcome, failures } = await inSystem(dataDir, screen);
  const took = performance.now() - started;
  if (failures.length) {
    failures.forEach((failure) => process.stderr.write(`Not as expected: ${failure}\n`));
    process.stderr.write(`Data and logs are kept in ${dataDir}\n`);
  } else {
    await rm(dataDir, { recursive: true, force: true });
    screen.title(`All as expected, in ${seconds(took)}. Everything is stopped.`);
  }
  if (json && outcome) screen.line(JSON.stringify({ ...outcome, seconds: Number((took / 1000).toFixed(1)) }));
  return failures.length === 0;
}

/** Starts the system, tells the story and stops the system, whatever happens. */
async function inSystem(dataDir: string, screen: Screen): Promise<{ outcome?: Outcome; failures: readonly string[] }> {
  const interrupted = onSignal();
  let system: System | undefined;
  let story: Story | undefined;
  try {
    screen.chapter('The system starts, in a fresh folder');
    system = await startSystem({ dataDir, ports: { gateway: 0 }, signal: interrupted });
    story = new Story(system, screen);
    const outcome = await unless(interrupted, story.tell());
    return { outcome, failures: story.failures };
  } catch (error) {
    return { failures: [...(story?.failures ?? []), error instanceof Error ? error.message : String(error)] };
  } finally {
    await system?.stop();
  }
}

function onSignal(): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error('The demo was interrupted.'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, abort);
  return controller.signal;
}

function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([work, aborted]);
}

/** Called by `run.cjs`. */
export function main(): void {
  run().then(
    (asExpected) => process.exit(asExpected ? 0 : 1),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
}
