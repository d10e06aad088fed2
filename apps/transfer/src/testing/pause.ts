import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 50;

/** Resolves when it is so, or after so many milliseconds; says whether it is. */
export const pauseUntil = async (isSo: () => boolean, ms: number): Promise<boolean> => {
  const until = performance.now() + ms;
  while (!isSo() && performance.now() < until) await pause(EVERY_MS);
  return isSo();
};
