import { IsBoolean, IsInt, Max, Min } from 'class-validator';
import type { HeldBytes } from './cache.dto';
import { OwnedRequest } from './common.dto';

export class CacheStatisticsRequest extends OwnedRequest {
  /** The key has the admin scope: it sees what every owner holds. */
  @IsBoolean() admin!: boolean;
}

export interface EvictedCounts {
  readonly files: number;
  /** That were free afterwards. */
  readonly bytes: number;
}

/** What happened on one node in a time. Counts of several nodes can be added up, ratios not. */
export interface CacheCounts {
  /** Times that a file was asked for and there. */
  readonly hits: number;
  /** Times that it was not; who asks again until it is there counts once. */
  readonly misses: number;
  /** Bytes of the files that were there. */
  readonly hitBytes: number;
  /** Bytes that were brought in from elsewhere and kept. */
  readonly fetchedBytes: number;
  /** hits / (hits + misses); absent where nothing was asked for. */
  readonly hitRatio?: number;
  /** hitBytes / (hitBytes + fetchedBytes); absent where there were none. */
  readonly byteHitRatio?: number;
  /** By reason; only those that occurred. */
  readonly evictions: Readonly<Record<string, EvictedCounts>>;
}

/** What one owner has in the cache, by what keeps it there. */
export interface OwnerHoldings {
  readonly owner: string;
  readonly files: HeldBytes;
  /** Allocated. */
  readonly bytes: HeldBytes;
}

/** Of one cache node. */
export interface CacheNodeStatistics {
  readonly nodeId: string;
  /** ISO date of the start of the process: the counts begin there. */
  readonly since: string;
  readonly sinceStart: CacheCounts;
  readonly lastHour: CacheCounts;
  readonly lastDay: CacheCounts;
  /** That have not ended, of all owners. */
  readonly leases: number;
  /** The asker; for an admin every owner with a file. */
  readonly owners: readonly OwnerHoldings[];
}

/** Of each live cache node. */
export interface CacheStatistics {
  readonly nodes: readonly CacheNodeStatistics[];
  /** Live nodes that did not answer in time. */
  readonly silentNodes: readonly string[];
}

/** Days that the replay of the history tells apart. */
export const MAX_FORECAST_DAYS = 30;

export class CacheForecastRequest extends OwnedRequest {
  /** How far back accesses count. */
  @IsInt() @Min(1) @Max(MAX_FORECAST_DAYS) days!: number;
}

/** What a cache of this budget would have done with the accesses. */
export interface ForecastBudget {
  /** Times the node's budget. */
  readonly factor: number;
  readonly maxBytes: number;
  readonly hits: number;
  readonly hitBytes: number;
  readonly hitRatio: number;
  readonly byteHitRatio: number;
}

/** A node's history, played to empty caches with its policy. */
export interface CacheNodeForecast {
  readonly nodeId: string;
  readonly policy: string;
  readonly days: number;
  /** ISO date at which the history was read. */
  readonly madeAt: string;
  /** Share of the assets that were looked at; below 1 where there are very many, and counts are of that share. */
  readonly sampled: number;
  readonly accesses: number;
  readonly bytes: number;
  readonly budgets: readonly ForecastBudget[];
}

/** Of each live cache node. */
export interface CacheForecast {
  readonly nodes: readonly CacheNodeForecast[];
  /** Live nodes that did not answer in time, or whose history is too short. */
  readonly silentNodes: readonly string[];
}
