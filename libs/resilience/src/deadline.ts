import { FerryError } from '@ferry/kernel';

/** The promise's result, or DEADLINE_EXCEEDED after `ms`. The work itself is not stopped: pass it an AbortSignal for that. */
export const withDeadline = async <T>(promise: Promise<T>, ms: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new FerryError('DEADLINE_EXCEEDED', 'timeout', `${what} took longer than ${ms} ms. Try again later.`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
};
