import { writeSync } from 'node:fs';

/**
 * Places between two steps where a process may be lost, in the order of the work. What comes after each of them must end
 * as it would have without: tests stop real processes there. `docs/how-to/stop-at-a-step.md` says how.
 */
export const STEP_BOUNDARIES = {
  transfer: [
    'transfer.before-request-append',
    'transfer.after-request-append',
    'transfer.before-claim-append',
    'transfer.after-claim-append',
    'transfer.turn',
    'transfer.after-lease',
    'transfer.before-download-request',
    'transfer.after-download-request',
    'transfer.download-turn',
    'transfer.after-cache-open',
    'transfer.before-download-started',
    'transfer.after-download-started',
    'transfer.after-download-job-start',
    'transfer.download-result-seen',
    'transfer.before-download-complete',
    'transfer.after-download-complete',
    'transfer.source-found',
    'transfer.before-upload-started',
    'transfer.after-upload-started',
    'transfer.after-upload-job-start',
    'transfer.before-join',
    'transfer.release-asked',
    'transfer.before-release-append',
    'transfer.after-release-append',
    'transfer.upload-result-seen',
    'transfer.before-complete-append',
    'transfer.after-complete-append',
    'transfer.after-ended-notice',
  ],
  'cache-manager': [
    'cache.place-given',
    'cache.put-begun',
    'cache.after-first-bytes',
    'cache.after-all-bytes',
    'cache.after-verified',
    'cache.after-seal',
    'cache.after-rename',
    'cache.after-link',
    'cache.before-file-cached',
    'cache.after-file-cached',
    'cache.before-put-answer',
    'cache.lease-given',
  ],
  eviction: ['cache.copy-looked-for', 'cache.before-file-evicted', 'cache.after-file-evicted', 'cache.after-unlink', 'cache.after-blob-unlink', 'cache.after-eviction'],
  provider: [
    'provider.job-taken',
    'provider.job-listening',
    'provider.before-vendor-call',
    'provider.download-answered',
    'provider.half-received',
    'provider.download-stored',
    'provider.half-sent',
    'provider.before-release',
    'provider.before-commit-bytes',
    'provider.after-commit-bytes',
    'provider.before-upload-result',
  ],
} as const;

export type StepBoundary = (typeof STEP_BOUNDARIES)[keyof typeof STEP_BOUNDARIES][number];

const HOW = { kill: 'SIGKILL', freeze: 'SIGSTOP' } as const;
const FORM = /^([a-z.-]+)(?::(kill|freeze))?(?::([1-9]\d{0,5}))?$/;

interface Stop {
  readonly name: string;
  readonly signal: (typeof HOW)[keyof typeof HOW];
  left: number;
}

let stop: Stop | undefined;

/** Does nothing, but for a test that has this process stop here. */
export const stepBoundary = (name: StepBoundary): void => {
  if (stop !== undefined && stop.name === name) pass(stop);
};

const pass = (planned: Stop): void => {
  planned.left -= 1;
  if (planned.left !== 0) return;
  // At once: nothing that is buffered may get out after it.
  writeSync(process.stderr.fd, `FERRY_STOP_AT: ${planned.signal} at ${planned.name}\n`);
  process.kill(process.pid, planned.signal);
};

/**
 * Reads FERRY_STOP_AT: `{name}[:kill|freeze][:n]`, at the n-th pass (default: the first) of that boundary.
 * @throws Error that names the variable, where it is not valid or the process runs in production
 */
export const planStop = ({ FERRY_STOP_AT, NODE_ENV }: NodeJS.ProcessEnv): void => {
  if (!FERRY_STOP_AT) return;
  if (NODE_ENV === 'production') throw new Error('FERRY_STOP_AT stops a process in the middle of its work: it is for tests alone. Unset it, or NODE_ENV=production.');
  const [, name, how = 'kill', times = '1'] = FORM.exec(FERRY_STOP_AT) ?? [];
  const known: readonly string[] = Object.values(STEP_BOUNDARIES).flat();
  if (name === undefined || !known.includes(name)) {
    throw new Error(`FERRY_STOP_AT: "${FERRY_STOP_AT}" is not {name}[:kill|freeze][:n] with a name of these: ${known.join(', ')}`);
  }
  stop = { name, signal: HOW[how as keyof typeof HOW], left: Number(times) };
};
