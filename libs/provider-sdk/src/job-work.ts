import type { AcceptedAnswer, AcceptedRequest, DownloadJobDto, ProviderCapabilities, ReleaseAnswer, ReleaseRequest, StartJobRequest, UploadJobDto } from '@ferry/contracts';
import { FerryError, type FerryErrorJson, type ReferenceForms } from '@ferry/kernel';
import { stepBoundary } from '@ferry/observability';
import { backoff, bufferPassed } from '@ferry/resilience';
import type { Readable } from 'node:stream';
import type { Account } from './account-registry';
import type { DataPlane } from './data-plane';
import { discard } from './discard';
import { JobError } from './job-error';
import type { JobContext, JobResult } from './job-registry';
import type { Release } from './multipart';
import type { ProviderAdapter } from './provider-adapter';
import { redact } from './provider-error';

/** Asks the run's holder; the caller gives the deadline. @throws an error with a FerryError's members */
export type AskRelease = (request: ReleaseRequest) => Promise<ReleaseAnswer>;

/** Tells the run's holder; the caller gives the deadline. @throws an error with a FerryError's members */
export type TellAccepted = (request: AcceptedRequest) => Promise<AcceptedAnswer>;

export interface WorkParts {
  readonly adapter: ProviderAdapter;
  readonly dataPlane: DataPlane;
  readonly askRelease: AskRelease;
  readonly tellAccepted: TellAccepted;
}

const unsupported = (what: string): FerryError => new FerryError('UNSUPPORTED', 'unsupported', `This provider does not ${what}.`);

/** What the job will do, refused here where the adapter cannot do it at all. @throws FerryError VALIDATION_FAILED, UNSUPPORTED */
export const workOf = (request: StartJobRequest, account: Account, parts: WorkParts): ((context: JobContext) => Promise<JobResult>) => {
  const { download, upload } = request;
  if (download && !upload) {
    if (!parts.adapter.downloadAsset) throw unsupported('give files out');
    return (context) => runDownload(download, account, parts, context);
  }
  if (upload && !download) {
    if (!parts.adapter.uploadAsset) throw unsupported('take files');
    assertTakes(parts.adapter.capabilities, upload);
    return (context) => runUpload(request, upload, account, parts, context);
  }
  throw new FerryError('VALIDATION_FAILED', 'invalid', 'A job is either a download or an upload.', { errors: ['download, upload: give exactly one'] });
};

const assertTakes = ({ displayName, variants }: ProviderCapabilities, { variant, kind, mimeType }: UploadJobDto): void => {
  const found = variants.find((candidate) => candidate.variant === variant && candidate.kinds.includes(kind));
  if (!found) throw new FerryError('UNSUPPORTED', 'unsupported', `${displayName} takes no ${kind} as ${variant}.`);
  const accepted = found.limits[kind]?.mimeTypes;
  if (accepted && !accepted.includes(mimeType)) {
    throw new FerryError('UNSUPPORTED', 'unsupported', `${displayName} takes no ${mimeType} as ${variant}; it takes ${accepted.join(', ')}.`);
  }
};

const runDownload = async ({ forms, kind, putUrl }: DownloadJobDto, account: Account, parts: WorkParts, context: JobContext): Promise<JobResult> => {
  const asset = await parts.adapter.downloadAsset!(account, { forms, kind }, { signal: context.signal });
  if (asset.sizeBytes !== undefined) context.onTotal(asset.sizeBytes);
  stepBoundary('provider.download-answered');
  const file = await parts.dataPlane.put(putUrl, asset, context);
  stepBoundary('provider.download-stored');
  return { download: file };
};

const runUpload = async (request: StartJobRequest, upload: UploadJobDto, account: Account, parts: WorkParts, context: JobContext): Promise<JobResult> => {
  const { getUrl, variant, filename, kind, mimeType, sizeBytes, sha256, width, height, durationSeconds } = upload;
  context.onTotal(sizeBytes);
  const content = await openSource(parts.dataPlane, getUrl, sizeBytes, context.signal);
  let released = false;
  const release: Release = async (seen) => {
    await askUntilAnswered(parts.askRelease, { transferId: request.runId, attempt: request.attempt, jobId: request.jobId, ...seen }, context.signal);
    released = true;
  };
  const accepted = (forms: ReferenceForms) => tellUntilHeard(parts.tellAccepted, { transferId: request.runId, attempt: request.attempt, forms }, context.signal);
  try {
    const file = { filename, kind, mimeType, sizeBytes, sha256, width, height, durationSeconds, content: readSource(content, context.signal) };
    stepBoundary('provider.before-vendor-call');
    const result = await parts.adapter.uploadAsset!(account, file, variant, { ...context, release, accepted });
    if (!released) throw new Error('the adapter finished an upload that was never released');
    stepBoundary('provider.before-upload-result');
    return { upload: result };
  } finally {
    discard(content);
  }
};

/** That Ferry's own bytes cannot be read says nothing of the vendor: another kind than the vendor's failures. */
const sourceBroken = (error: unknown): JobError => {
  const { code, message } = error instanceof JobError ? error.failure : (error as Error & { code?: string });
  return new JobError({ kind: 'source-broken', ...(code ? { code } : {}), message: redact(`The bytes could not be read on: ${message}`), retryable: true });
};

const openSource = async (dataPlane: DataPlane, getUrl: string, sizeBytes: number, signal: AbortSignal): Promise<Readable> => {
  try {
    return await dataPlane.get(getUrl, sizeBytes, signal);
  } catch (error) {
    throw signal.aborted ? error : sourceBroken(error);
  }
};

async function* readSource(content: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      bufferPassed(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw signal.aborted ? error : sourceBroken(error);
  }
}

/** Enough for a holder that is taken over, or a message bus that restarts: 7 s on average. */
const RELEASE_TRIES = 8;
const RELEASE_PAUSES = { baseMs: 500, maxMs: 4_000 };
const VERIFY_PAUSE_MS = 50;

/** The holder's yes. A question without an answer is asked again: the same job gets the same yes. */
const askUntilAnswered = async (ask: AskRelease, request: ReleaseRequest, signal: AbortSignal): Promise<void> => {
  for (let left = RELEASE_TRIES; ; left -= 1) {
    signal.throwIfAborted();
    try {
      await ask(request);
      return;
    } catch (error) {
      const { code, category, message } = error as Partial<FerryErrorJson>;
      // The content is not verified yet: that takes as long as it takes, up to the job's deadline.
      if (code === 'CONTENT_NOT_VERIFIED') {
        left += 1;
        await pause(VERIFY_PAUSE_MS, signal);
        continue;
      }
      const unanswered = category === 'timeout' || category === 'unavailable';
      if (unanswered && left > 1) {
        await pause(backoff(RELEASE_TRIES - left + 1, RELEASE_PAUSES), signal);
        continue;
      }
      if (code === 'SOURCE_BROKEN') throw sourceBroken(error);
      const kind = code === 'CONTENT_CHANGED' ? 'content-changed' : 'not-released';
      throw new JobError({ kind, ...(code ? { code } : {}), message: message ?? 'The upload was not released.', retryable: unanswered });
    }
  }
};

const ACCEPTED_TRIES = 3;

/** Whoever holds the run. It is no condition: while this process lives, the job itself is what is awaited, so that the upload goes on where nobody hears. */
const tellUntilHeard = async (tell: TellAccepted, request: AcceptedRequest, signal: AbortSignal): Promise<void> => {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      await tell(request);
      return;
    } catch (error) {
      const { category } = error as Partial<FerryErrorJson>;
      if (category !== 'timeout' && category !== 'unavailable') throw error;
      if (tries >= ACCEPTED_TRIES) return;
      await pause(backoff(tries, RELEASE_PAUSES), signal);
    }
  }
};

/** Ends early when the job does. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
