import { providerSubjects, type FindUploadAnswer, type FindUploadRequest, type UploadResult } from '@ferry/contracts';
import { defined, type FerryError, type ReferenceForms } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';
import { TransferConfig } from '../transfer.config';
import { ProviderJobs, type Ended, type JobOutcome, type JobTarget } from './provider-jobs';
import { lifeOf } from './reference-life';

/** Milliseconds; the adapter gives up before. */
const FIND_MS = 10_000;
/** How long an upload that was cut off may take to be listed: no vendor promises that its list is up to date at once. */
const LISTED_MS = 5_000;
const LOOK_AGAIN_MS = 500;

export interface LostUpload {
  readonly target: JobTarget;
  readonly variant: string;
  readonly marker: string;
  /** What to await: the vendor has it, and processed it when it was last heard of. */
  readonly accepted?: ReferenceForms;
}

export interface Looked extends Pick<JobTarget, 'providerId' | 'accountId' | 'owner' | 'runId' | 'sizeBytes'>, Pick<LostUpload, 'variant' | 'marker'> {
  /** Ids of uploads that are known: another one is meant. */
  readonly besides?: string[];
}

export type Fate =
  /** The job is there again. */
  | { readonly ended: Ended }
  | { readonly found: UploadResult }
  /** Nothing stands at the vendor, and nobody who could bring it there answers. */
  | 'absent'
  /** The vendor had accepted it, and says that it is gone. */
  | 'refused'
  | 'unknown';

/** Finds out what became of a released upload whose adapter does not answer any more. */
@Injectable()
export class LostUploads {
  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly jobs: ProviderJobs,
    private readonly directory: ProviderDirectory,
    private readonly config: TransferConfig,
  ) {}

  /**
   * Asks for the job all the while, a bounded time; where the vendor lists its uploads, that decides.
   * @throws FerryError where nobody can look now: PROVIDER_UNAVAILABLE, or the vendor's list fails in a way that passes
   */
  async fateOf(lost: LostUpload, signal: AbortSignal): Promise<Fate> {
    if (lost.accepted) return this.processed(lost, lost.accepted, () => this.jobs.join(lost.target, signal));
    const since = performance.now();
    const past = (ms: number): boolean => performance.now() - since >= ms;
    for (;;) {
      const listed = await this.look({ ...lost.target, ...lost });
      if (listed && listed.upload) return { found: listed.upload };
      const outcome = await this.jobs.join(lost.target, signal);
      if (outcome.status !== 'gone') return { ended: outcome };
      // One that is still connected may be frozen, and wake with the release in its hands.
      if (listed && !outcome.connected && past(Math.max(LISTED_MS, this.config.TRANSFER_LOST_RELEASE_MS))) return 'absent';
      if (past(this.config.TRANSFER_LOST_RELEASE_MS) && (!listed || outcome.connected)) return 'unknown';
    }
  }

  /**
   * The upload as it stands at the vendor, whose job has failed without saying what the vendor made of it. Undefined: it is not listed, or cannot be asked for.
   * @throws FerryError as `fateOf`
   */
  async standing(lost: LostUpload, signal: AbortSignal): Promise<UploadResult | undefined> {
    if (lost.accepted) {
      const fate = await this.processed(lost, lost.accepted, () => wait(LOOK_AGAIN_MS, undefined, { signal }));
      return typeof fate === 'object' && 'found' in fate ? fate.found : undefined;
    }
    const since = performance.now();
    for (;;) {
      const listed = await this.look({ ...lost.target, ...lost });
      if (!listed || listed.upload || performance.now() - since >= LISTED_MS) return listed?.upload;
      await wait(LOOK_AGAIN_MS, undefined, { signal });
    }
  }

  /** Until the vendor says that what it accepted can be used: it is not uploaded again, nor handed out before. `pause` may hear of the job. */
  private async processed({ target, variant, marker }: LostUpload, forms: ReferenceForms, pause: () => Promise<JobOutcome | void>): Promise<Fate> {
    const { providerId, owner, accountId } = target;
    const since = performance.now();
    for (;;) {
      const { state } = await lifeOf(this.messaging, providerId, { owner, accountId, forms });
      if (state === 'gone') return 'refused';
      if (state === 'valid') {
        const upload = (await this.look({ ...target, variant, marker }))?.upload;
        return { found: upload && upload.forms.id === forms.id ? upload : { forms } };
      }
      const outcome = await pause();
      if (outcome && outcome.status !== 'gone') return { ended: outcome };
      if (performance.now() - since >= this.config.TRANSFER_JOB_DEADLINE_MS) return 'unknown';
    }
  }

  /**
   * What the vendor lists at this moment; undefined where it cannot be asked at all.
   * @throws FerryError as `fateOf`
   */
  async look({ providerId, owner, accountId, sizeBytes, runId, variant, marker, besides }: Looked): Promise<FindUploadAnswer | undefined> {
    const { variants } = await this.directory.describe(providerId);
    if (!variants.some((candidate) => candidate.variant === variant && candidate.abilities?.includes('find'))) return undefined;
    const request: FindUploadRequest = { owner, accountId, variant, marker, ...defined({ sizeBytes, besides }) };
    try {
      return await this.messaging.request<FindUploadAnswer>(providerSubjects(providerId).findUpload, request, { timeoutMs: FIND_MS });
    } catch (error) {
      const { category } = error as FerryError;
      if (category === 'unavailable' || category === 'timeout' || category === 'throttled') throw error;
      this.logger.warn({ err: error, runId }, 'the vendor does not tell whether a lost upload stands');
      return undefined;
    }
  }
}
