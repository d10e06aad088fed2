import type { DeleteUploadAnswer, FindUploadAnswer, FindUploadRequest, ProviderErrorKind, ReferenceCallRequest, ReferenceCheck, VariantAbility } from '@ferry/contracts';
import { FerryError, type ErrorCategory } from '@ferry/kernel';
import type { AccountRegistry } from './account-registry';
import type { ProviderAdapter } from './provider-adapter';
import { ProviderError } from './provider-error';

/** Milliseconds that a small call may take; who asks waits somewhat longer. */
const CALL_MS = 8_000;
const MAX_AT_ONCE = 16;

const CATEGORIES: Partial<Record<ProviderErrorKind, ErrorCategory>> = { throttled: 'throttled', timeout: 'timeout', unavailable: 'unavailable', protocol: 'unavailable' };

const unsupported = (what: string): FerryError => new FerryError('UNSUPPORTED', 'unsupported', `This provider cannot ${what}.`);

/** What an adapter does besides moving bytes: one short call at the vendor each, a bounded number at once. */
export class SmallCalls {
  private running = 0;

  constructor(
    private readonly adapter: ProviderAdapter,
    private readonly accounts: AccountRegistry,
  ) {}

  /** @throws FerryError UNSUPPORTED, UNKNOWN_ACCOUNT, PROVIDER_CALL_FAILED, TOO_MANY_CALLS */
  async findUpload({ owner, accountId, variant, marker, sizeBytes, besides }: FindUploadRequest): Promise<FindUploadAnswer> {
    const { adapter } = this;
    if (!adapter.findUpload || !this.has('find', ({ variant: name }) => name === variant)) throw unsupported('find an upload by its name');
    const account = this.accounts.find(owner, accountId);
    const wanted = { marker, variant, ...(sizeBytes === undefined ? {} : { sizeBytes }), ...(besides === undefined ? {} : { besides }) };
    const upload = await this.call((signal) => adapter.findUpload!(account, wanted, { signal }));
    return upload ? { upload } : {};
  }

  /** @throws FerryError as findUpload */
  async checkReference({ owner, accountId, forms }: ReferenceCallRequest): Promise<ReferenceCheck> {
    const { adapter } = this;
    if (!adapter.checkReference) throw unsupported('say whether a reference lives');
    const account = this.accounts.find(owner, accountId);
    return this.call((signal) => adapter.checkReference!(account, forms, { signal }));
  }

  /** @throws FerryError as findUpload */
  async deleteUpload({ owner, accountId, forms }: ReferenceCallRequest): Promise<DeleteUploadAnswer> {
    const { adapter } = this;
    if (!adapter.deleteUpload || !this.has('delete', ({ referenceIdType }) => referenceIdType === forms.idType)) throw unsupported('delete this upload');
    const account = this.accounts.find(owner, accountId);
    return { deleted: await this.call((signal) => adapter.deleteUpload!(account, forms, { signal })) };
  }

  private has(ability: VariantAbility, is: (variant: ProviderAdapter['capabilities']['variants'][number]) => boolean): boolean {
    return this.adapter.capabilities.variants.some((variant) => is(variant) && variant.abilities?.includes(ability));
  }

  private async call<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.running >= MAX_AT_ONCE) throw new FerryError('TOO_MANY_CALLS', 'throttled', `The adapter makes ${MAX_AT_ONCE} such calls already. Try again.`);
    this.running += 1;
    try {
      return await work(AbortSignal.timeout(CALL_MS));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const { kind, message, retryAfterMs } = error;
      const details = { kind, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
      throw new FerryError('PROVIDER_CALL_FAILED', CATEGORIES[kind] ?? 'unprocessable', message, details);
    } finally {
      this.running -= 1;
    }
  }
}
