import { FerryError } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';

/** @throws FerryError READ_MODELS_UNAVAILABLE where the reading fails for another reason than Ferry's own */
export const fromReadModels = async <T>(logger: Logger, read: () => Promise<T>): Promise<T> => {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FerryError) throw error;
    logger.warn({ err: error }, 'a read model cannot be read');
    throw new FerryError('READ_MODELS_UNAVAILABLE', 'unavailable', 'The read models are not reachable. Try again in some seconds.');
  }
};
