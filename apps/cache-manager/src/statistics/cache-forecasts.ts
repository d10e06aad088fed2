import type { CacheForecastRequest, CacheNodeForecast } from '@ferry/contracts';
import { accessStream, CACHE_CATEGORY } from '@ferry/domain/cache/events';
import type { EventStore } from '@ferry/event-store';
import type { PolicyName } from '@ferry/eviction';
import { FerryError } from '@ferry/kernel';
import { gaugeOf, type Logger } from '@ferry/observability';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { CacheIndex } from '../cache/cache-index';
import { minuteNow } from '../eviction/eviction-order';
import { HistoryReplay } from './history-replay';

/** What is compared: the budget as it is, and twice as much. */
const FACTORS = [1, 2];
/** Assets of which all are looked at; of more, a sample of about as many. */
const MAX_ASSETS = 100_000;
/** With fewer accesses a ratio would tell of chance alone. */
const NEEDED_ACCESSES = 100;
/** Milliseconds for which a replay is as good as a new one, that one may take, and that an asker waits for it. */
const GOOD_FOR_MS = 15 * 60_000;
const MAX_MS = 10 * 60_000;
const ANSWER_MS = 4_000;
const AGAIN_MS = 10_000;
/** Days of the ratios that /metrics has. */
const METRIC_DAYS = 7;

export interface ForecastParts {
  readonly eventStore: EventStore;
  readonly index: CacheIndex;
  readonly policy: PolicyName;
  readonly maxBytes: number;
  readonly logger: Logger;
}

interface Made {
  readonly replay: HistoryReplay;
  readonly sampled: number;
  readonly at: Date;
}

/** What twice the budget would have brought: the node's history is replayed when somebody asks, one at a time, beside the work. */
export class CacheForecasts {
  private made?: Made;
  private making?: Promise<boolean>;
  private readonly stopping = new AbortController();

  constructor(private readonly parts: ForecastParts) {
    const help = `Share of the accesses, and of their bytes, of ${METRIC_DAYS} days that a cache of so many times the budget would have had, when it was asked for last.`;
    gaugeOf('ferry_cache_forecast_hit_ratio', help, ['budget', 'of'], (set) => {
      for (const { factor, hitRatio, byteHitRatio } of this.made ? this.answer(this.made, METRIC_DAYS).budgets : []) {
        set({ budget: String(factor), of: 'objects' }, hitRatio);
        set({ budget: String(factor), of: 'bytes' }, byteHitRatio);
      }
    });
  }

  /** @throws FerryError CACHE_FORECAST_PENDING while the history is read; CACHE_HISTORY_TOO_SHORT */
  async forecast({ days }: CacheForecastRequest): Promise<CacheNodeForecast> {
    if (!this.made || Date.now() - this.made.at.getTime() > GOOD_FOR_MS) {
      this.making ??= this.make().finally(() => (this.making = undefined));
      const waited = new AbortController();
      const isMade = await Promise.race([this.making, inTime(waited.signal)]).finally(() => waited.abort());
      if (!isMade) throw pending();
    }
    if (!this.made) throw pending();
    const answer = this.answer(this.made, days);
    if (answer.accesses < NEEDED_ACCESSES) throw tooShort(answer.accesses, days);
    return answer;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.making;
  }

  /** @returns whether it was read to its end */
  private async make(): Promise<boolean> {
    const { eventStore, index, policy, maxBytes, logger } = this.parts;
    const { nodeId } = index;
    const sampled = Math.min(1, MAX_ASSETS / Math.max(1, index.assetCount));
    const replay = new HistoryReplay({ nodeId, policy, maxBytes, factors: FACTORS, sampled });
    const prefixes = [CACHE_CATEGORY, accessStream(nodeId)];
    const started = performance.now();
    const atEnd = new AbortController();
    const ended = AbortSignal.any([atEnd.signal, this.stopping.signal, AbortSignal.timeout(MAX_MS)]);
    const history = eventStore.subscribeAll({ prefixes, from: 'start', onEvent: (event) => replay.apply(event), onState: (isAtEnd) => isAtEnd && atEnd.abort() });
    if (!ended.aborted) await once(ended, 'abort');
    await history.close();
    const isWhole = atEnd.signal.aborted;
    if (isWhole) this.made = { replay, sampled, at: new Date() };
    logger.info({ isWhole, ms: Math.round(performance.now() - started) }, 'the history was replayed');
    return isWhole;
  }

  private answer({ replay, sampled, at }: Made, days: number): CacheNodeForecast {
    const { index, policy, maxBytes } = this.parts;
    const { accesses, bytes, hits, hitBytes } = replay.total(days, minuteNow());
    const budgets = FACTORS.map((factor, which) => ({
      factor,
      maxBytes: maxBytes * factor,
      hits: hits[which]!,
      hitBytes: hitBytes[which]!,
      hitRatio: hits[which]! / Math.max(1, accesses),
      byteHitRatio: hitBytes[which]! / Math.max(1, bytes),
    }));
    return { nodeId: index.nodeId, policy, days, madeAt: at.toISOString(), sampled, accesses, bytes, budgets };
  }
}

/** False after the time that an asker waits. */
const inTime = async (signal: AbortSignal): Promise<boolean> => wait(ANSWER_MS, false, { signal });

const pending = (): FerryError =>
  new FerryError('CACHE_FORECAST_PENDING', 'unavailable', 'The history of the cache is being read. Ask again in some seconds.', { retryAfter: new Date(Date.now() + AGAIN_MS).toISOString() });

const tooShort = (accesses: number, days: number): FerryError =>
  new FerryError('CACHE_HISTORY_TOO_SHORT', 'conflict', `The last ${days} days have ${accesses} accesses, and a forecast needs ${NEEDED_ACCESSES}. Ask for more days, or later.`, {
    accesses,
    neededAccesses: NEEDED_ACCESSES,
  });
