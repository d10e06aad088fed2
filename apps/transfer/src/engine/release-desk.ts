import type { CachedFile, ReleaseAnswer, ReleaseRequest } from '@ferry/contracts';
import { downloadDefinition, downloadStream } from '@ferry/domain/download';
import { isOpen, transferDefinition, transferStream, type OpenRun } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { FerryError, parseRunId, type MediaFacts } from '@ferry/kernel';
import { stepBoundary } from '@ferry/observability';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { AssetReader, type AssetForTransfer } from '../assets/asset-reader';
import type { HeldFile } from './bytes';
import { isMine, type Claim } from './claim';
import { RunLog } from './run-log';
import { TargetLimitsOf } from './target-limits';

/** How long a question waits for the end of a download; shorter than the adapter waits for the answer. */
const VERIFY_MS = 3_000;

interface Verified {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly facts: MediaFacts;
}

const sourceBroken = (why: string): FerryError => new FerryError('SOURCE_BROKEN', 'conflict', `${why} Break the upload off.`);

/** Says yes once, to the one job that read exactly the verified content, for an asset and run that are still wanted. */
@Injectable()
export class ReleaseDesk {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly log: RunLog,
    private readonly assets: AssetReader,
    private readonly limits: TargetLimitsOf,
  ) {}

  /**
   * @throws FerryError UPLOAD_NOT_RELEASABLE, SOURCE_BROKEN (the bytes are not the asset's after all; the next attempt reads others),
   * HELD_ELSEWHERE, CONTENT_NOT_VERIFIED (ask again)
   */
  async release(claim: Claim, held: HeldFile, request: ReleaseRequest): Promise<ReleaseAnswer> {
    const { transferId, attempt, jobId, sizeBytes, sha256 } = request;
    stepBoundary('transfer.release-asked');
    const { state } = await this.store.load(transferDefinition, transferStream(parseRunId(claim.runId)!.subjectId));
    const { run, route } = state;
    if (isOpen(run) && run.status !== 'requested' && !isMine(claim, run)) {
      throw new FerryError('HELD_ELSEWHERE', 'unavailable', 'Another worker holds the transfer now. Ask again.', { transferId });
    }
    const asset = route && isOpen(run) && run.attempt === attempt ? await this.assets.find(route.assetId) : undefined;
    const verified = asset && !asset.deleted && transferId === claim.runId ? await this.verified(asset, run as OpenRun, held) : undefined;
    if (verified?.sha256 !== sha256 || verified.sizeBytes !== sizeBytes) {
      const message = 'What the upload read is not the verified content, or transfer or asset are not wanted any more. Break the upload off.';
      throw new FerryError('UPLOAD_NOT_RELEASABLE', 'conflict', message, { transferId, attempt });
    }
    // The upload began before these were known.
    const violations = (await this.limits.route(route!, asset!.kind)).violations(verified.facts);
    if (violations.length) throw sourceBroken('The target does not take the verified content.');
    stepBoundary('transfer.before-release-append');
    await this.log.transfer(claim, { type: 'ReleaseUpload', data: { transferId, epoch: claim.epoch, attempt, jobId, sizeBytes, sha256 } });
    stepBoundary('transfer.after-release-append');
    return { released: true };
  }

  private async verified(asset: AssetForTransfer, run: OpenRun, held: HeldFile): Promise<Verified | undefined> {
    const follows = 'follows' in run ? run.follows : undefined;
    const leased = await held.file(asset, follows && VERIFY_MS);
    if (leased) return { ...contentOf(leased.file), facts: leased.file };
    if (!follows) return knownOf(asset);
    const { run: download } = (await this.store.load(downloadDefinition, downloadStream(asset.assetId))).state;
    if (download?.downloadId !== follows.downloadId) throw sourceBroken('The download that the upload followed is over.');
    if (download.status === 'downloading' && download.attempt === follows.attempt) {
      throw new FerryError('CONTENT_NOT_VERIFIED', 'unavailable', 'The content is not verified yet. Ask again.');
    }
    if (download.status !== 'completed') throw sourceBroken('The download that the upload followed broke off.');
    const { bytes: sizeBytes, sha256, ...facts } = download.content;
    return { sizeBytes, sha256, facts: { ...facts, sizeBytes } };
  }
}

/** The cached file that the upload began with has gone meanwhile: what it read is the asset's content all the same, or is not. */
const knownOf = ({ sha256, facts }: AssetForTransfer): Verified => {
  if (sha256 === undefined || facts.sizeBytes === undefined) throw sourceBroken('The cached file that the upload read is gone.');
  return { sha256, sizeBytes: facts.sizeBytes, facts };
};

const contentOf = ({ sizeBytes, sha256 }: CachedFile): Pick<Verified, 'sizeBytes' | 'sha256'> => ({ sizeBytes, sha256 });
