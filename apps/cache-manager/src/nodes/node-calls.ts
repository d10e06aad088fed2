import {
  AcquireLeaseRequest,
  AssetCommandRequest,
  AssetRequest,
  CacheForecastRequest,
  CacheStatisticsRequest,
  FollowDownloadRequest,
  LeaseRequest,
  OpenDownloadRequest,
  OwnedRequest,
  SkipCaptureRequest,
  type AcquireLeaseAnswer,
  type CacheNodeCall,
  type CacheNodeForecast,
  type CacheNodeStatistics,
  type CacheNodeUsage,
  type ConfirmCopyAnswer,
  type FollowDownloadAnswer,
  type OpenDownloadAnswer,
  type PinAnswer,
} from '@ferry/contracts';
import type { CacheService } from '../cache/cache.service';
import type { Pins } from '../eviction/pins';
import type { CacheForecasts } from '../statistics/cache-forecasts';

/** What validates the request of each call. */
export const REQUESTS = {
  open: OpenDownloadRequest,
  follow: FollowDownloadRequest,
  acquire: AcquireLeaseRequest,
  renew: LeaseRequest,
  release: LeaseRequest,
  pin: AssetCommandRequest,
  unpin: AssetCommandRequest,
  releaseLastCopy: AssetCommandRequest,
  skipCapture: SkipCaptureRequest,
  usage: OwnedRequest,
  statistics: CacheStatisticsRequest,
  forecast: CacheForecastRequest,
  confirm: AssetRequest,
} as const satisfies Readonly<Record<CacheNodeCall, new () => object>>;

interface Answers {
  readonly open: OpenDownloadAnswer;
  readonly follow: FollowDownloadAnswer;
  readonly acquire: AcquireLeaseAnswer;
  readonly renew: AcquireLeaseAnswer;
  readonly release: { readonly released: true };
  readonly pin: PinAnswer;
  readonly unpin: PinAnswer;
  readonly releaseLastCopy: PinAnswer;
  readonly skipCapture: PinAnswer;
  readonly usage: CacheNodeUsage;
  readonly statistics: CacheNodeStatistics;
  readonly forecast: CacheNodeForecast;
  readonly confirm: ConfirmCopyAnswer;
}

export type RequestOf<C extends CacheNodeCall> = InstanceType<(typeof REQUESTS)[C]>;
export type AnswerOf<C extends CacheNodeCall> = Answers[C];

/** What one node can be asked for. */
export type NodeCalls = { readonly [C in CacheNodeCall]: (request: RequestOf<C>) => Promise<AnswerOf<C>> | AnswerOf<C> };

export const nodeCallsOf = (service: CacheService, pins: Pins, forecasts: CacheForecasts): NodeCalls => ({
  open: (request) => service.open(request),
  follow: (request) => service.follow(request),
  acquire: (request) => service.acquire(request),
  renew: (request) => service.renew(request),
  release: (request) => service.release(request),
  pin: (request) => pins.pin(request),
  unpin: (request) => pins.unpin(request),
  releaseLastCopy: (request) => pins.releaseLastCopy(request),
  skipCapture: (request) => service.skipCapture(request),
  usage: (request) => service.usage(request),
  statistics: (request) => service.statistics(request),
  forecast: (request) => forecasts.forecast(request),
  confirm: (request) => service.confirm(request),
});
