import { providerSubjects, type ReferenceCallRequest, type ReferenceCheck } from '@ferry/contracts';
import type { FerryError } from '@ferry/kernel';
import { isSilence, type Messaging } from '@ferry/messaging';

/** Milliseconds; the adapter gives up before. */
const CHECK_MS = 10_000;
/** Answers that say nothing of the reference. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['UNSUPPORTED', 'PROVIDER_CALL_FAILED', 'TOO_MANY_CALLS']);

/** Whether the provider says that a reference lives; `unknown`, and why, where it does not answer. */
export const lifeOf = async (messaging: Messaging, providerId: string, request: ReferenceCallRequest): Promise<ReferenceCheck> => {
  try {
    return await messaging.request<ReferenceCheck>(providerSubjects(providerId).checkReference, request, { timeoutMs: CHECK_MS });
  } catch (error) {
    const { code, message } = error as FerryError;
    if (!isSilence(error) && !SAYS_NOTHING.has(code)) throw error;
    return { state: 'unknown', reason: message };
  }
};
