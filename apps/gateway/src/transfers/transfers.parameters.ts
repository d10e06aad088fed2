import { UUID_PATTERN } from '@ferry/kernel';
import { Matches } from 'class-validator';
import { LimitQuery } from '../http/parameters';

export class ListTransfersQuery extends LimitQuery {
  @Matches(UUID_PATTERN) assetId!: string;
}
