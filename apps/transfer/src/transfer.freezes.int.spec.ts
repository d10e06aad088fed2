import type { StepBoundary } from '@ferry/observability';
import { rounds, seed } from '@ferry/testing/specs';
import { Rig } from './testing/rig';
import { BUSY, freezeBeside, shuffled } from './testing/stops';

/** A take-over takes five seconds; an adapter counts as gone after three. */
const FROZEN_MS = 10_000;
const FEW = 2;

/** Where going on late would do harm: a claim that is another's by now, a release that is asked for or given too late. */
const BOUNDARIES: readonly StepBoundary[] = [
  'transfer.before-upload-started',
  'transfer.before-release-append',
  'transfer.before-complete-append',
  'transfer.before-download-complete',
  'provider.before-release',
  'provider.before-commit-bytes',
];

describe('a process that stands still between two steps and goes on when its work is another’s', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    // A released upload is asked for until its deadline: that of the one that stands still must not be over.
    await rig.startService('transfer', 'survivor', { ...BUSY, TRANSFER_JOB_DEADLINE_MS: '120000' });
  }, 120_000);
  afterAll(() => rig?.close(), 60_000);

  const planned = shuffled(BOUNDARIES, seed());
  it.each(rounds(1) > 1 ? planned : planned.slice(0, FEW))('commits nothing that is not its own: %s', (name) => freezeBeside(rig, name, FROZEN_MS), 300_000);
});
