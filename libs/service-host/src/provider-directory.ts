import { providerSubjects, type AuthorizeAccountAnswer, type ProviderCapabilities } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { isSilence, type Messaging } from '@ferry/messaging';
import { FreshAnswers } from './fresh-answers';

const CALL_DEADLINE_MS = 3_000;
/** Milliseconds that an adapter's description is believed: a new release of it is seen within this. */
const DESCRIBED = { forMs: 30_000, renewAfterMs: 15_000, capacity: 1_000 };
/** An account that is withdrawn from an owner is of no use to it after `forMs`, wherever the answer was kept. */
const AUTHORIZED = { forMs: 5_000, renewAfterMs: 2_000, capacity: 10_000 };

const keyOf = (providerId: string, owner: string, accountId = ''): string => `${providerId}\n${owner}\n${accountId}`;

/**
 * What the adapters say of their vendors and accounts. Which providers there are is configuration. Answers are kept for seconds and
 * renewed in the background while they are in use, so that who asks often never waits.
 */
export class ProviderDirectory {
  private readonly described: FreshAnswers<ProviderCapabilities>;
  private readonly authorized: FreshAnswers<AuthorizeAccountAnswer>;

  constructor(
    private readonly messaging: Messaging,
    readonly providerIds: readonly string[],
  ) {
    this.described = new FreshAnswers(DESCRIBED, (id) => this.ask(id, providerSubjects(id).describe, {}));
    this.authorized = new FreshAnswers(AUTHORIZED, (key) => {
      const [providerId = '', owner = '', accountId] = key.split('\n');
      return this.askAccount(providerId, owner, accountId);
    });
  }

  /** @throws FerryError UNKNOWN_PROVIDER, PROVIDER_UNAVAILABLE */
  async describe(providerId: string): Promise<ProviderCapabilities> {
    this.known(providerId);
    return this.described.get(providerId);
  }

  /** The description where it is known without asking. */
  knownDescription(providerId: string): ProviderCapabilities | undefined {
    return this.described.peek(providerId);
  }

  /**
   * The account as the owner may use it; without `accountId` the owner's default.
   * @throws FerryError UNKNOWN_PROVIDER, PROVIDER_UNAVAILABLE, ACCOUNT_REQUIRED, UNKNOWN_ACCOUNT
   */
  async authorize(providerId: string, owner: string, accountId?: string): Promise<AuthorizeAccountAnswer> {
    this.known(providerId);
    return this.authorized.get(keyOf(providerId, owner, accountId));
  }

  /** As `authorize`, from the adapter itself: it is there now. @throws FerryError as `authorize` */
  async reach(providerId: string, owner: string, accountId: string): Promise<AuthorizeAccountAnswer> {
    this.known(providerId);
    return this.askAccount(providerId, owner, accountId);
  }

  /** The account where it is known without asking. */
  knownAccount(providerId: string, owner: string, accountId?: string): AuthorizeAccountAnswer | undefined {
    return this.authorized.peek(keyOf(providerId, owner, accountId));
  }

  close(): void {
    this.described.close();
    this.authorized.close();
  }

  private known(providerId: string): void {
    if (this.providerIds.includes(providerId)) return;
    throw new FerryError('UNKNOWN_PROVIDER', 'not-found', `There is no provider ${providerId}. Known: ${this.providerIds.join(', ')}.`);
  }

  private askAccount(providerId: string, owner: string, accountId?: string): Promise<AuthorizeAccountAnswer> {
    return this.ask(providerId, providerSubjects(providerId).authorize, { owner, ...(accountId ? { accountId } : {}) });
  }

  private async ask<Answer>(providerId: string, subject: string, data: object): Promise<Answer> {
    try {
      return await this.messaging.request<Answer>(subject, data, { timeoutMs: CALL_DEADLINE_MS });
    } catch (error) {
      if (!isSilence(error)) throw error;
      throw new FerryError('PROVIDER_UNAVAILABLE', 'unavailable', `The adapter of ${providerId} does not answer now. Try again in some seconds.`);
    }
  }
}
