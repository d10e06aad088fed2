import type { StepBoundary } from '@ferry/observability';
import { rounds, seed } from '@ferry/testing/specs';
import { Rig } from './testing/rig';
import { ALL_BOUNDARIES, appOf, BUSY, killBeside, killInTurn, shuffled, type App } from './testing/stops';

/** Processes that are lost at the same time. */
const TOGETHER = 4;
/** A long search takes all boundaries as often as it has rounds, and no more often. */
const MOST_ROUNDS = 20;

const isLong = rounds(1) > 1;
const chosen = (ours: (app: App) => boolean, round: number): StepBoundary[] =>
  shuffled(ALL_BOUNDARIES.filter((name) => ours(appOf(name))), seed() + round);

const groups = (names: readonly StepBoundary[]): StepBoundary[][] =>
  Array.from({ length: Math.ceil(names.length / TOGETHER) }, (_, at) => names.slice(at * TOGETHER, (at + 1) * TOGETHER));

interface Round {
  readonly names: readonly StepBoundary[];
  readonly how: string;
  readonly title: string;
}

/** A few boundaries that change with the seed; in a long search all of them, at a pass that changes too. */
const plan = (ours: (app: App) => boolean): Round[] => {
  const all = Array.from({ length: Math.min(rounds(1), MOST_ROUNDS) }, (_, round) => {
    const how = `kill:${1 + (round % 3)}`;
    return groups(chosen(ours, round)).map((names) => ({ names, how, title: `${names.join(', ')} (${how})` }));
  });
  return isLong ? all.flat() : all[0]!.slice(0, 1);
};

describe('a process that is lost between two steps', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startService('transfer', 'survivor', BUSY);
  }, 120_000);
  afterAll(() => rig?.close(), 60_000);

  const beside: [string, (app: App) => boolean][] = [
    ['transfer', (app) => app === 'transfer'],
    ['an adapter', (app) => app.startsWith('provider-')],
  ];
  for (const [what, ours] of beside) {
    const planned = plan(ours);
    if (planned.length) it.each(planned.map((round) => [round.title, round] as const))(`${what}: %s`, (_, { names, how }) => killBeside(rig, names, how), 300_000);
  }

  const inTurn = plan((app) => app === 'cache-manager');
  if (inTurn.length) it.each(inTurn.map((round) => [round.title, round] as const))('the cache-manager: %s', (_, { names, how }) => killInTurn(rig, names, how), 300_000);
});
