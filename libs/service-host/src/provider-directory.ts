import { providerSubjects, type AuthorizeAccountAnswer, type ProviderCapabilities } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';

const CALL_DEADLINE_MS = 3_000;
/** How long an adapter's description is believed: a new release of it is seen after this. */
const FRESH_MS = 30_000;

interface Described {
  readonly capabilities: ProviderCapabilities;
  readonly at: number;
}

/** What the adapters say of their vendors and accounts. Which providers there are is configuration. */
export class ProviderDirectory {
  private readonly described = new Map<string, Described>();

  constructor(
    private readonly messaging: Messaging,
    readonly providerIds: readonly string[],
  ) {}

  /** @throws FerryError UNKNOWN_PROVIDER, PROVIDER_UNAVAILABLE */
  async describe(providerId: string): Promise<ProviderCapabilities> {
    this.known(providerId);
    const known = this.described.get(providerId);
    if (known && performance.now() - known.at < FRESH_MS) return known.capabilities;
    const capabilities = await this.ask<ProviderCapabilities>(providerId, providerSubjects(providerId).describe, {});
    this.described.set(providerId, { capabilities, at: performance.now() });
    return capabilities;
  }

  /**
   * The account as the owner may use it; without `accountId` the owner's default.
   * @throws FerryError UNKNOWN_PROVIDER, PROVIDER_UNAVAILABLE, ACCOUNT_REQUIRED, UNKNOWN_ACCOUNT
   */
  async authorize(providerId: string, owner: string, accountId?: string): Promise<AuthorizeAccountAnswer> {
    this.known(providerId);
    return this.ask(providerId, providerSubjects(providerId).authorize, { owner, ...(accountId ? { accountId } : {}) });
  }

  private known(providerId: string): void {
    if (this.providerIds.includes(providerId)) return;
    throw new FerryError('UNKNOWN_PROVIDER', 'not-found', `There is no provider ${providerId}. Known: ${this.providerIds.join(', ')}.`);
  }

  private async ask<Answer>(providerId: string, subject: string, data: object): Promise<Answer> {
    try {
      return await this.messaging.request<Answer>(subject, data, { timeoutMs: CALL_DEADLINE_MS });
    } catch (error) {
      const { code } = error as FerryError;
      if (code !== 'SERVICE_UNAVAILABLE' && code !== 'REQUEST_TIMEOUT') throw error;
      throw new FerryError('PROVIDER_UNAVAILABLE', 'unavailable', `The adapter of ${providerId} does not answer now. Try again in some seconds.`);
    }
  }
}
