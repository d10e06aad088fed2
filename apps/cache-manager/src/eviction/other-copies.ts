import { providerSubjects, type ReferenceCallRequest, type ReferenceCheck } from '@ferry/contracts';
import type { EventStore } from '@ferry/event-store';
import type { CopyLocation } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import type { ProviderDirectory } from '@ferry/service-host/providers';
import { readAsset, type AssetFacts } from '../cache/asset-facts';

/** The adapter gives up before. */
const CHECK_MS = 10_000;
/** Answers that are remembered; the oldest are forgotten first. */
const REMEMBERED = 100_000;

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
  readonly logger: Logger;
}

interface Answer {
  readonly copy?: CopyLocation;
  readonly until: number;
}

/** Whether an asset's bytes are to be had elsewhere, unchanged: then the file here is not the last copy. What is not known counts as gone. */
export class OtherCopies {
  private readonly answers = new Map<string, Answer>();

  constructor(
    private readonly parts: CopyParts,
    private readonly rules: CopyRules,
  ) {}

  /** The copy, found alive just now or a short while ago. */
  async find(assetId: string): Promise<CopyLocation | undefined> {
    const known = this.answers.get(assetId);
    if (known && known.until > Date.now()) return known.copy;
    const copy = await this.look(assetId);
    this.remember(assetId, copy);
    return copy;
  }

  /** How long an answer counts, in milliseconds. */
  get answersForMs(): number {
    return this.rules.confirmedForMs;
  }

  private remember(assetId: string, copy: CopyLocation | undefined): void {
    this.answers.delete(assetId);
    this.answers.set(assetId, { until: Date.now() + this.rules.confirmedForMs, ...(copy ? { copy } : {}) });
    const [oldest] = this.answers.keys();
    if (oldest !== undefined && this.answers.size > REMEMBERED) this.answers.delete(oldest);
  }

  private async look(assetId: string): Promise<CopyLocation | undefined> {
    try {
      const asset = await readAsset(this.parts.eventStore, assetId);
      if (asset && (await this.livesOn(asset)) && (await this.isAlive(asset))) return { from: 'origin' };
    } catch (error) {
      this.parts.logger.info({ err: error, assetId }, 'it is not known whether another copy lives; the file stays');
    }
    return undefined;
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

  private async isAlive({ owner, origin: { providerId, accountId, forms } }: AssetFacts): Promise<boolean> {
    const request: ReferenceCallRequest = { owner, accountId, forms };
    const { state } = await this.parts.messaging.request<ReferenceCheck>(providerSubjects(providerId).checkReference, request, { timeoutMs: CHECK_MS });
    return state === 'valid';
  }
}
