import { providerSubjects, type JobCommand, type JobStatus, type TransferCommandRequest } from '@ferry/contracts';
import { downloadDefinition, downloadStream } from '@ferry/domain/download';
import { transferDefinition, transferStream, type RouteState } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { defined, parseRunId, type FerryError, type Token } from '@ferry/kernel';
import { isSilence, type Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { AssetReader } from '../assets/asset-reader';
import { markerOf } from './attempts';
import { Copies } from './copies';
import { RunLog, type RunOf } from './run-log';

/** A job that is cancelled closes its sockets at once; its end is waited for this long. */
const STOP_WAIT_MS = 1_000;
const STOP_MS = 3_000;

interface Job {
  readonly providerId: string;
  readonly runId: string;
  readonly attempt: number;
}

/**
 * Ends runs that nobody wants any more. The event comes first; then what works on the run is stopped, by whoever handles
 * the command and by the run's holder alike, so that neither is needed for it.
 */
@Injectable()
export class Cancellation {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly log: RunLog,
    private readonly assets: AssetReader,
    private readonly copies: Copies,
  ) {}

  /** A run that has ended stays as it ended. @throws FerryError UNKNOWN_TRANSFER */
  async cancel({ transferId, owner, actor, commandId }: Pick<TransferCommandRequest, 'transferId' | 'owner' | 'actor' | 'commandId'>): Promise<{ state: RouteState; token: Token }> {
    const run = { runId: transferId, owner };
    const { state, token } = await this.log.transfer(run, { type: 'CancelTransfer', data: { transferId, marker: markerOf(transferId) } }, { actor, commandId });
    await this.tidyTransfer(run, state);
    return { state, token };
  }

  /** The asset's download, whatever it is for: the asset is gone. */
  async cancelDownload(assetId: string, owner: string): Promise<void> {
    const { run } = (await this.store.load(downloadDefinition, downloadStream(assetId))).state;
    if (!run) return;
    await this.log.download(assetId, { owner }, { type: 'CancelDownload', data: { downloadId: run.downloadId } });
    await this.tidyDownload({ runId: run.downloadId, owner });
  }

  /** Stops what a run that has ended left behind: the job of a cancelled one, and the place in the asset's download. */
  async tidyTransfer(run: RunOf, known?: RouteState): Promise<void> {
    const { route, run: last } = known ?? (await this.store.load(transferDefinition, transferStream(parseRunId(run.runId)!.subjectId))).state;
    if (!route) return;
    await this.leave(run, route.assetId);
    if (last?.transferId !== run.runId || last.status !== 'cancelled' || !last.attempt) return;
    const { attempt } = last;
    const outcome = await this.stop({ providerId: route.providerId, runId: run.runId, attempt });
    if (outcome?.status !== 'succeeded' || !outcome.upload) return;
    // It was released before it was cancelled, and came to stand at the vendor.
    const data = { transferId: run.runId, attempt, marker: markerOf(run.runId), forms: outcome.upload.forms, reason: 'The transfer was cancelled.' };
    await this.log.transfer(run, { type: 'OrphanUpload', data });
  }

  /** The job of a cancelled download; what has come of the file goes with it. */
  async tidyDownload({ runId }: RunOf): Promise<void> {
    const { subjectId: assetId } = parseRunId(runId)!;
    const { run } = (await this.store.load(downloadDefinition, downloadStream(assetId))).state;
    if (run?.downloadId !== runId || run.status !== 'cancelled' || !run.attempt) return;
    const asset = await this.assets.find(assetId);
    if (!asset) return;
    const { providerId } = await this.copies.accountAt(asset, run);
    await this.stop({ providerId, runId, attempt: run.attempt });
  }

  /** A download that another run follows, or that was begun for another reason than transfers or the one named, goes on. */
  async leave({ runId, owner }: RunOf, assetId: string, ends?: 'warm'): Promise<void> {
    const { events, state } = await this.log.download(assetId, { owner }, { type: 'LeaveDownload', data: { transferId: runId, ...defined({ ends }) } });
    if (events.some(({ type }) => type === 'DownloadCancelled')) await this.tidyDownload({ runId: state.run!.downloadId, owner });
  }

  /** Undefined where nobody answers for the job: it ended long ago, or its adapter is gone. */
  private async stop({ providerId, runId, attempt }: Job): Promise<JobStatus | undefined> {
    const command: JobCommand = { operation: 'cancel', waitMs: STOP_WAIT_MS };
    try {
      return await this.messaging.request<JobStatus>(providerSubjects(providerId).job(runId, attempt), command, { timeoutMs: STOP_MS });
    } catch (error) {
      if (!isSilence(error)) throw error;
      this.logger.info({ runId, attempt, code: (error as FerryError).code }, 'nobody answers for a job that is not wanted any more');
      return undefined;
    }
  }
}
