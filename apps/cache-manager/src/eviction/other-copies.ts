import { providerSubjects, type ReferenceCallRequest, type ReferenceCheck } from '@ferry/contracts';
import type { EventStore } from '@ferry/event-store';
import { sameJson, type CopyLocation, type ReferenceForms } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import type { ProviderDirectory } from '@ferry/service-host/providers';
import { readAsset, type AssetFacts } from '../cache/asset-facts';
import type { NodeCopies } from '../nodes/node-copies';

/** The adapter gives up before. */
const CHECK_MS = 10_000;
/** Answers that are remembered; the oldest are forgotten first. */
const REMEMBERED = 100_000;
/** Where nobody could say, milliseconds until it is asked again. */
const SILENCE_MS = 10_000;

export interface CopyRules {
  /** Milliseconds for which a copy that was found alive counts as alive. */
  readonly confirmedForMs: number;
  /** Milliseconds that a copy must live on. */
  readonly marginMs: number;
}

export interface CopyParts {
  readonly eventStore: EventStore;
  readonly messaging: Messaging;
  readonly directory: ProviderDirectory;
  /** Copies on other nodes. */
  readonly nodes: NodeCopies;
  readonly logger: Logger;
}

export interface CopyAnswer {
  /** Absent: none that is known to live. */
  readonly copy?: CopyLocation;
  /** Milliseconds for which this counts. */
  readonly forMs: number;
}

/** What a provider said of an origin. */
interface Checked {
  readonly forms: ReferenceForms;
  readonly isAlive: boolean;
  /** Of the monotonic clock. */
  readonly until: number;
}

/** Whether an asset's bytes are to be had elsewhere, unchanged: then the file here is not the last copy. What is not known counts as gone. */
export class OtherCopies {
  private readonly checked = new Map<string, Checked>();

  constructor(
    private readonly parts: CopyParts,
    private readonly rules: CopyRules,
  ) {}

  /** The copy, found alive just now or a short while ago: on another node, else the origin. */
  async find(assetId: string): Promise<CopyAnswer> {
    const { confirmedForMs: forMs } = this.rules;
    const onNode = await this.known(assetId, () => this.parts.nodes.find(assetId));
    if (onNode) return { copy: onNode, forMs };
    const origin = await this.known(assetId, async () => ({ lives: await this.originLives(assetId) }));
    if (!origin) return { forMs: SILENCE_MS };
    return { forMs, ...(origin.lives ? { copy: { from: 'origin' } } : {}) };
  }

  /** Undefined where it cannot be found out, too. */
  private async known<T>(assetId: string, find: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await find();
    } catch (error) {
      this.parts.logger.info({ err: error, assetId }, 'it is not known whether another copy lives; it is not counted');
      return undefined;
    }
  }

  private async originLives(assetId: string): Promise<boolean> {
    const asset = await readAsset(this.parts.eventStore, assetId);
    return asset !== undefined && (await this.livesOn(asset)) && (await this.isAlive(assetId, asset));
  }

  /** Past the margin, as far as its end is known or assumed. */
  private async livesOn({ origin, originSince, originLost }: AssetFacts): Promise<boolean> {
    if (originLost) return false;
    const end = origin.expiresAt === undefined ? await this.assumedEnd(origin.providerId, originSince) : Date.parse(origin.expiresAt);
    return end === undefined || end > Date.now() + this.rules.marginMs;
  }

  private async assumedEnd(providerId: string, since: string): Promise<number | undefined> {
    const { assumedOriginLifetimeSeconds: seconds } = await this.parts.directory.describe(providerId);
    return seconds === undefined ? undefined : Date.parse(since) + seconds * 1_000;
  }

  private async isAlive(assetId: string, asset: AssetFacts): Promise<boolean> {
    const { forms } = asset.origin;
    const known = this.checked.get(assetId);
    if (known && known.until > performance.now() && sameJson(known.forms, forms)) return known.isAlive;
    const isAlive = await this.ask(asset);
    this.checked.delete(assetId);
    this.checked.set(assetId, { forms, isAlive, until: performance.now() + this.rules.confirmedForMs });
    const [oldest] = this.checked.keys();
    if (oldest !== undefined && this.checked.size > REMEMBERED) this.checked.delete(oldest);
    return isAlive;
  }

  private async ask({ owner, origin: { providerId, accountId, forms } }: AssetFacts): Promise<boolean> {
    const request: ReferenceCallRequest = { owner, accountId, forms };
    const { state } = await this.parts.messaging.request<ReferenceCheck>(providerSubjects(providerId).checkReference, request, { timeoutMs: CHECK_MS });
    return state === 'valid';
  }
}
