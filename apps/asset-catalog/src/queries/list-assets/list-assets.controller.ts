import { ListAssetsRequest, POSITION_PATTERN, SUBJECTS, type AssetPage } from '@ferry/contracts';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { catalogError } from '../../catalog.errors';
import { Projections } from '../../projections/projections';
import { AssetViews } from '../asset-views';

@Controller()
export class ListAssetsController {
  constructor(
    private readonly projections: Projections,
    private readonly views: AssetViews,
  ) {}

  /** The newest first, without the deleted ones; a page begins after the position where the last one ended. */
  @MessagePattern(SUBJECTS.catalog.list)
  async list(@Payload() { owner, limit, cursor, atLeast }: ListAssetsRequest): Promise<AssetPage> {
    if (cursor !== undefined && !POSITION_PATTERN.test(cursor)) throw catalogError('INVALID_CURSOR');
    await this.projections.reach(atLeast);
    const after = cursor === undefined ? {} : { registeredPosition: { $lt: cursor } };
    const found = await this.projections.assets
      .find({ owner, deleted: false, ...after })
      .sort({ registeredPosition: -1 })
      .limit(limit + 1)
      .toArray();
    const page = found.slice(0, limit);
    const items = await this.views.of(owner, page);
    return found.length > limit ? { items, nextCursor: page.at(-1)!.registeredPosition } : { items };
  }
}
