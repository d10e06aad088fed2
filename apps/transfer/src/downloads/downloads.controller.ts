import { SUBJECTS, WarmRequest, type WarmAnswer } from '@ferry/contracts';
import { FerryError, type Priority } from '@ferry/kernel';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { AssetReader, type AssetForTransfer } from '../assets/asset-reader';
import { URGENT_MS } from '../capture/capturer';
import { RunLog } from '../engine/run-log';
import { Slots } from '../engine/slots';

export const warmPriority = (reason: WarmRequest['reason'], { expiresAt }: AssetForTransfer['origin'], nowMs: number): Priority => {
  if (reason === 'warm') return 'warm';
  return expiresAt !== undefined && Date.parse(expiresAt) - nowMs < URGENT_MS ? 'resolve' : 'capture';
};

@Controller()
export class DownloadsController {
  constructor(
    private readonly log: RunLog,
    private readonly assets: AssetReader,
    private readonly slots: Slots,
  ) {}

  /** Requests the asset's download, or tells of the open one. */
  @MessagePattern(SUBJECTS.transfer.warm)
  async warm(@Payload() request: WarmRequest): Promise<WarmAnswer> {
    const { assetId, owner, reason } = request;
    const { origin } = await this.assets.require(assetId, owner);
    const priority = warmPriority(reason, origin, Date.now());
    const { state, token, events } = await this.slots.claiming('download', priority, (first) =>
      this.log.download(assetId, request, { type: 'RequestDownload', data: { assetId, reason, priority, ...first } }),
    );
    if (!events.some(({ type }) => type === 'DownloadClaimed')) this.slots.redeem('download');
    if (!state.run) throw new FerryError('INTERNAL', 'internal', 'A requested download has no run.');
    return { downloadId: state.run.downloadId, token };
  }
}
