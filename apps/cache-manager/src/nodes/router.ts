import {
  NAME_PATTERN,
  type AcquireLeaseRequest,
  type CacheForecast,
  type CacheForecastRequest,
  type CacheNodeCall,
  type CacheStatistics,
  type CacheStatisticsRequest,
  type CacheUsage,
  type FollowDownloadRequest,
  type LeaseRequest,
  type OpenDownloadRequest,
  type OwnedRequest,
} from '@ferry/contracts';
import type { FerryError } from '@ferry/kernel';
import type { CacheIndex } from '../cache/cache-index';
import type { CacheLog } from '../cache/cache-log';
import type { GrowingFiles } from '../cache/growing-files';
import type { LiveNodes } from './live-nodes';
import { nodeOfLease } from './lease-ids';
import type { AnswerOf, RequestOf } from './node-calls';
import { isGone, type NodeLink } from './node-link';
import { ranked } from './rendezvous';
import { forecastOfAll, statisticsOfAll } from './statistics-of-all';
import { usageOfAll } from './usage-of-all';

/** Milliseconds for all nodes that are asked, one after the other: less than the asker's 5 s. */
const ALL_MS = 4_500;
/** For one of several that may have a file: enough to look at it. */
const LOOK_MS = 2_000;
const USAGE_MS = 2_000;
/** More than a node lets an asker wait for its history. */
const FORECAST_MS = 6_000;

type NodeIds = Iterable<string> | AsyncIterable<string>;
type OfAsset = { readonly assetId: string };

export interface RouterParts {
  readonly nodes: LiveNodes;
  readonly link: NodeLink;
  readonly index: CacheIndex;
  readonly log: CacheLog;
  readonly growing: GrowingFiles;
  /** Whether this node knows from the events where files are. */
  readonly isReady: () => boolean;
}

/**
 * Brings each request to the node that it is for: the one that has the file, whoever is asked, else the asset's home among the live
 * nodes. A node that turns out to be gone is passed over.
 */
export class Router {
  constructor(private readonly parts: RouterParts) {}

  /** @throws FerryError the node's own; SERVICE_UNAVAILABLE, REQUEST_TIMEOUT */
  async route<C extends CacheNodeCall>(call: C, request: RequestOf<C>): Promise<AnswerOf<C>> {
    const { nodes, link, isReady } = this.parts;
    if (!isReady()) {
      const [other] = nodes.others();
      if (other !== undefined) return link.ask(other, call, request, { timeoutMs: ALL_MS + waitOf(request), handOn: true });
    }
    return this.find(call, request);
  }

  /** As `route`, and never handed on to a node that is to find out. */
  find<C extends CacheNodeCall>(call: C, request: RequestOf<C>): Promise<AnswerOf<C>> {
    return this.firstOf(call, request, this.candidates(call, request));
  }

  /** Of all live nodes. */
  usage(request: OwnedRequest): Promise<CacheUsage> {
    const { nodes, link } = this.parts;
    return usageOfAll(nodes.nodeId, nodes.others(), (nodeId) => link.ask(nodeId, 'usage', request, { timeoutMs: USAGE_MS }));
  }

  /** Of all live nodes. */
  statistics(request: CacheStatisticsRequest): Promise<CacheStatistics> {
    const { nodes, link } = this.parts;
    return statisticsOfAll([nodes.nodeId, ...nodes.others()], (nodeId) => link.ask(nodeId, 'statistics', request, { timeoutMs: USAGE_MS }));
  }

  /** Of all live nodes. @throws FerryError CACHE_FORECAST_PENDING where one of them reads yet; CACHE_HISTORY_TOO_SHORT */
  forecast(request: CacheForecastRequest): Promise<CacheForecast> {
    const { nodes, link } = this.parts;
    return forecastOfAll([nodes.nodeId, ...nodes.others()], (nodeId) => link.ask(nodeId, 'forecast', request, { timeoutMs: FORECAST_MS }));
  }

  private candidates(call: CacheNodeCall, request: object): NodeIds {
    switch (call) {
      case 'open':
        return this.forOpen(request as OpenDownloadRequest);
      case 'follow':
        return this.forFollow(request as FollowDownloadRequest);
      case 'acquire':
        return this.forAcquire(request as AcquireLeaseRequest);
      case 'renew':
      case 'release':
        return this.forLease(request as LeaseRequest);
      case 'pin':
      case 'releaseLastCopy':
        return this.forFile(request as OfAsset);
      case 'unpin':
        return this.forUnpin(request as OfAsset);
      default:
        return [this.parts.nodes.nodeId];
    }
  }

  /** The next one is asked where that does no harm. */
  private async firstOf<C extends CacheNodeCall>(call: C, request: RequestOf<C>, nodeIds: NodeIds): Promise<AnswerOf<C>> {
    const { link } = this.parts;
    const waitMs = waitOf(request);
    const until = performance.now() + ALL_MS + waitMs;
    const asked = new Set<string>();
    let failure: unknown;
    let silence: unknown;
    for await (const nodeId of nodeIds) {
      const left = until - performance.now();
      if (asked.has(nodeId) || left <= 0) continue;
      asked.add(nodeId);
      try {
        return await link.ask(nodeId, call, request, { timeoutMs: call === 'acquire' ? Math.min(left, LOOK_MS + waitMs) : left });
      } catch (error) {
        const { code } = error as FerryError;
        if (call === 'acquire' && code === 'REQUEST_TIMEOUT') silence = error;
        else if (!isGone(error, nodeId) && !PASSED_OVER[call]?.includes(code)) throw error;
        failure = error;
      }
    }
    throw silence ?? failure;
  }

  private async *forOpen({ assetId }: OpenDownloadRequest): AsyncGenerator<string> {
    yield* this.holders(assetId);
    yield* this.homes(assetId);
  }

  private *forFollow({ owner, assetId, downloadId, nodeId }: FollowDownloadRequest): Generator<string> {
    const { nodes, growing } = this.parts;
    if (growing.find(owner, assetId)?.attempt.downloadId === downloadId) yield nodes.nodeId;
    if (nodeId !== undefined && nodes.mayLive(nodeId)) yield nodeId;
    yield* this.known(assetId);
    yield* this.homes(assetId);
  }

  private async *forAcquire({ owner, assetId, waitMs, nodeId }: AcquireLeaseRequest): AsyncGenerator<string> {
    const { nodes, growing } = this.parts;
    if (waitMs && growing.find(owner, assetId)?.state === 'growing') yield nodes.nodeId;
    if (nodeId !== undefined && nodes.mayLive(nodeId)) yield nodeId;
    yield* this.holders(assetId);
    if (waitMs) yield this.homes(assetId)[0]!;
    yield nodes.nodeId;
  }

  private *forLease({ leaseId }: LeaseRequest): Generator<string> {
    const { nodes } = this.parts;
    const nodeId = nodeOfLease(leaseId);
    if (nodeId !== undefined && NAME_PATTERN.test(nodeId) && nodes.mayLive(nodeId)) yield nodeId;
    // Its node is gone, and the lease with it: this one does not know it.
    yield nodes.nodeId;
  }

  private async *forFile({ assetId }: OfAsset): AsyncGenerator<string> {
    yield* this.holders(assetId);
    yield this.parts.nodes.nodeId;
  }

  private async *forUnpin({ assetId }: OfAsset): AsyncGenerator<string> {
    const { nodes, index, log } = this.parts;
    if (index.ownerOf(assetId) === undefined && nodes.others().length) await log.refresh(assetId);
    yield nodes.nodeId;
  }

  /** Those that may have the file by what is known here, and then by what the asset's stream says. */
  private async *holders(assetId: string): AsyncGenerator<string> {
    const { nodes, log, isReady } = this.parts;
    yield* this.known(assetId);
    // The subscription may be behind what another node has written.
    if (!nodes.others().length || !isReady()) return;
    await log.refresh(assetId);
    yield* this.known(assetId);
  }

  /** This node first: what it has it need not ask for. */
  private known(assetId: string): readonly string[] {
    const { nodes, index } = this.parts;
    const holders = index.holders(assetId).filter((nodeId) => nodes.mayLive(nodeId));
    return holders.includes(nodes.nodeId) ? [nodes.nodeId, ...ranked(assetId, holders)] : ranked(assetId, holders);
  }

  private homes(assetId: string): readonly string[] {
    const { nodes } = this.parts;
    return ranked(assetId, [nodes.nodeId, ...nodes.others()]);
  }
}

/** Refusals of one node that say nothing of the others. */
const PASSED_OVER: Readonly<Partial<Record<CacheNodeCall, readonly string[]>>> = {
  open: ['CACHE_NOT_READY'],
  acquire: ['NOT_CACHED', 'CACHE_NOT_READY'],
  pin: ['NOT_CACHED', 'CACHE_NOT_READY'],
  releaseLastCopy: ['NOT_CACHED', 'CACHE_NOT_READY'],
};

const waitOf = (request: object): number => ('waitMs' in request && typeof request.waitMs === 'number' ? request.waitMs : 0);
