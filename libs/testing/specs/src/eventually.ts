import { setTimeout as pause } from 'node:timers/promises';

export interface EventuallyOptions {
  /** How long to go on trying, in milliseconds. Default 10 000. */
  timeoutMs?: number;
  /** Pause between two tries, in milliseconds. Default 20. */
  everyMs?: number;
}

/**
 * Waits for a fact: calls `fn` until it returns without throwing, and returns what it returned.
 * After `timeoutMs` the last error is thrown, with how long was waited in front of its message and the original as
 * `cause`. A call that hangs counts as failed when the time is over.
 */
export async function eventually<T>(fn: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 10_000, everyMs = 20 } = options;
  const started = performance.now();
  const waited = () => Math.round(performance.now() - started);
  for (let tries = 1; ; tries += 1) {
    try {
      return await withinTime(fn, timeoutMs - waited());
    } catch (error) {
      if (waited() + everyMs >= timeoutMs) throw gaveUp(error, waited(), tries);
    }
    await pause(everyMs);
  }
}

async function withinTime<T>(fn: () => T | Promise<T>, remainingMs: number): Promise<T> {
  const finished = new AbortController();
  const late = pause(Math.max(1, remainingMs), undefined, { signal: finished.signal }).then(
    () => Promise.reject(new Error('the check itself did not return')),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([(async () => fn())(), late]);
  } finally {
    finished.abort();
  }
}

function gaveUp(error: unknown, waitedMs: number, tries: number): Error {
  const message = error instanceof Error ? error.message : String(error);
  return new Error(`not so after ${waitedMs} ms (${tries} ${tries === 1 ? 'try' : 'tries'}): ${message}`, { cause: error });
}
