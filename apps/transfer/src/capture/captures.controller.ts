import { CapturesRequest, SUBJECTS, type CapturesAnswer, type PendingCapture } from '@ferry/contracts';
import { defined } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import type { Runner } from '@ferry/read-models';
import { LOGGER } from '@ferry/service-host';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { fromReadModels } from '../read-models-away';
import { ASSET_BYTES_RUNNER } from '../transfer.config';
import { assetBytesProjection } from './asset-bytes.projection';
import { Deadlines, type Deadline } from './deadlines';

const VISIBLE_MS = 5_000;

@Controller()
export class CapturesController {
  constructor(
    @Inject(ASSET_BYTES_RUNNER) private readonly runner: Runner,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly deadlines: Deadlines,
  ) {}

  /** The owner's assets that are lost if nothing is done, the earliest end first. */
  @MessagePattern(SUBJECTS.transfer.captures)
  async list(@Payload() { owner, limit, atLeast }: CapturesRequest): Promise<CapturesAnswer> {
    if (atLeast && assetBytesProjection.categories.some((category) => atLeast.stream.startsWith(category))) await this.runner.waitFor(atLeast.position, VISIBLE_MS);
    const afterMs = Date.now();
    const only = { owner };
    const [uncaptured, found] = await fromReadModels(this.logger, () => Promise.all([this.deadlines.count({ only, afterMs }), this.deadlines.find({ only, afterMs, limit })]));
    const nextEndsInSeconds = found[0] && Math.round((found[0].endsAtMs - afterMs) / 1_000);
    return { uncaptured, ...defined({ nextEndsInSeconds }), items: found.map(viewOf) };
  }
}

const statusOf = ({ download, failure }: Deadline['row']): PendingCapture['status'] => {
  if (download) return 'downloading';
  if (!failure) return 'waiting';
  return failure.kind === 'cache-full' || failure.kind === 'exceeds-cache' ? 'skipped' : 'failed';
};

const viewOf = ({ row, endsAtMs, assumed }: Deadline): PendingCapture => {
  const status = statusOf(row);
  const failed = status === 'skipped' || status === 'failed' ? { kind: row.failure!.kind, nextTryAt: row.notBefore } : {};
  return { assetId: row.assetId, originEndsAt: new Date(endsAtMs).toISOString(), assumed, status, ...failed };
};
