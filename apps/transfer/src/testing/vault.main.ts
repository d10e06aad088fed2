import type { ReferenceCheck } from '@ferry/contracts';
import { hostProvider, ProviderError, type ProviderAdapter } from '@ferry/provider-sdk';
import { IsUrl } from 'class-validator';
import { setTimeout as pause } from 'node:timers/promises';
import { soraCapabilities } from '../../../provider-sora/src/sora.capabilities';
import { createSora } from '../../../provider-sora/src/sora.provider';

const LOOK_MS = 100;

class VaultSettings {
  @IsUrl({ require_tld: false })
  VAULT_BASE_URL!: string;

  get baseUrl(): string {
    return this.VAULT_BASE_URL;
  }
}

/**
 * A vendor of the Files API that does two things as no other provider here: it gives files back as they came, and it processes what was uploaded before that can be
 * used. While it does, the file cannot be read (503).
 */
void hostProvider({
  providerId: 'vault',
  Settings: VaultSettings,
  create: ({ baseUrl }: VaultSettings, dependencies): ProviderAdapter => {
    const files = createSora({ baseUrl, SORA_BASE_URL: baseUrl }, dependencies);
    const file = soraCapabilities.variants.find(({ variant }) => variant === 'file')!;
    const limits = { ...file.limits, video: { mimeTypes: ['video/mp4'] } };
    const variants = [{ ...file, kinds: ['image', 'video'], limits, returnsBytes: 'exact' } as const];
    const checkReference: NonNullable<ProviderAdapter['checkReference']> = async (account, forms, context): Promise<ReferenceCheck> => {
      try {
        return await files.checkReference!(account, forms, context);
      } catch (error) {
        if (error instanceof ProviderError && error.kind === 'unavailable') return { state: 'unknown', reason: 'It is processed still.' };
        throw error;
      }
    };
    return {
      ...files,
      capabilities: { ...soraCapabilities, providerId: 'vault', displayName: 'Vault', variants, nativeUses: {} },
      checkReference,
      async uploadAsset(account, file, variant, context) {
        const upload = await files.uploadAsset!(account, file, variant, context);
        await context.accepted(upload.forms);
        while ((await checkReference(account, upload.forms, context)).state !== 'valid') await pause(LOOK_MS, undefined, { signal: context.signal });
        return upload;
      },
    };
  },
});
