import type { FerryError } from '@ferry/kernel';
import type { ReadModels } from '@ferry/read-models';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { assetBytesProjection, type AssetBytes } from './asset-bytes.projection';

const READ_MS = 5_000;

const rowsOf = (models: ReadModels) => models.collection(assetBytesProjection);
export type RowFilter = NonNullable<Parameters<ReturnType<typeof rowsOf>['countDocuments']>[0]>;

interface Group {
  readonly filter: RowFilter;
  readonly sort: Readonly<Record<string, 1>>;
  /** Milliseconds that an origin is assumed to live. */
  readonly lifeMs?: number;
}

/** An asset that is not captured, and when its origin ends; Infinity: it is not known to. Milliseconds since 1970. */
export interface Deadline {
  readonly row: AssetBytes;
  readonly endsAtMs: number;
  /** By what its provider says of the life of its origins. */
  readonly assumed: boolean;
}

export interface Wanted {
  /** Ends before (milliseconds since 1970); default: any. */
  readonly untilMs?: number;
  /** Ends after. */
  readonly afterMs?: number;
  readonly only?: RowFilter;
  readonly limit: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** The uncaptured assets by the end of their origins, from the read model: the ends that are known, merged with those that each provider's assets have by its own word. */
@Injectable()
export class Deadlines {
  /** Milliseconds, by provider; the last that was told, also while its adapter is away. */
  private readonly lives = new Map<string, number | undefined>();

  constructor(
    @Inject(READ_MODELS) private readonly models: ReadModels,
    private readonly directory: ProviderDirectory,
  ) {}

  /** The earliest end first. */
  async find(wanted: Wanted): Promise<Deadline[]> {
    const { limit } = wanted;
    const groups = (await this.groups(wanted)).map(async ({ filter, sort, lifeMs }) => {
      const rows = await this.rows.find(filter, { sort, limit, maxTimeMS: READ_MS }).toArray();
      return rows.map((row): Deadline => ({ row, endsAtMs: endOf(row, lifeMs), assumed: row.endsAt === undefined }));
    });
    return (await Promise.all(groups)).flat().sort((a, b) => a.endsAtMs - b.endsAtMs).slice(0, limit);
  }

  /** How many have an end. */
  async count(wanted: Omit<Wanted, 'limit'>): Promise<number> {
    const groups = await this.groups(wanted);
    const counts = await Promise.all(groups.map(({ filter }) => this.countRows(filter)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Of any assets, the oldest origins first. */
  rowsOf(filter: RowFilter, limit: number): Promise<AssetBytes[]> {
    return this.rows.find(filter, { sort: { since: 1 }, limit, maxTimeMS: READ_MS }).toArray();
  }

  countRows(filter: RowFilter): Promise<number> {
    return this.rows.countDocuments(filter, { maxTimeMS: READ_MS });
  }

  /** ISO date when room last came free in the cache, or may have. */
  async lastRoomAt(): Promise<string | undefined> {
    const last = await this.rows.findOne({ roomAt: { $exists: true } }, { sort: { roomAt: -1 }, maxTimeMS: READ_MS });
    return last?.roomAt;
  }

  private get rows() {
    return rowsOf(this.models);
  }

  private async groups({ untilMs, afterMs, only = {} }: Omit<Wanted, 'limit'>): Promise<Group[]> {
    const between = (shiftMs = 0) => ({
      ...(untilMs === undefined ? {} : { $lte: iso(untilMs - shiftMs) }),
      ...(afterMs === undefined ? {} : { $gt: iso(afterMs - shiftMs) }),
    });
    const known: Group = { filter: { ...only, uncaptured: true, endsAt: { $gt: '', ...between() } }, sort: { endsAt: 1 } };
    const assumed = this.directory.providerIds.map(async (providerId): Promise<Group[]> => {
      const lifeMs = await this.lifeOf(providerId);
      if (lifeMs === undefined) return [];
      const filter = { ...only, uncaptured: true, providerId, endsAt: { $exists: false }, since: { $gt: '', ...between(lifeMs) } };
      return [{ filter, sort: { since: 1 }, lifeMs }];
    });
    return [known, ...(await Promise.all(assumed)).flat()];
  }

  private async lifeOf(providerId: string): Promise<number | undefined> {
    try {
      const { assumedOriginLifetimeSeconds: seconds } = await this.directory.describe(providerId);
      this.lives.set(providerId, seconds === undefined ? undefined : seconds * 1_000);
    } catch (error) {
      const { code } = error as FerryError;
      if (code !== 'PROVIDER_UNAVAILABLE' && code !== 'UNKNOWN_PROVIDER') throw error;
    }
    return this.lives.get(providerId);
  }
}

const endOf = ({ endsAt, since }: AssetBytes, lifeMs: number | undefined): number => {
  if (endsAt !== undefined) return Date.parse(endsAt);
  return lifeMs === undefined ? Infinity : Date.parse(since) + lifeMs;
};
