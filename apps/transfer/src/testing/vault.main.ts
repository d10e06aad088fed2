import { hostProvider } from '@ferry/provider-sdk';
import { IsUrl } from 'class-validator';
import { soraCapabilities } from '../../../provider-sora/src/sora.capabilities';
import { createSora } from '../../../provider-sora/src/sora.provider';

class VaultSettings {
  @IsUrl({ require_tld: false })
  VAULT_BASE_URL!: string;

  get baseUrl(): string {
    return this.VAULT_BASE_URL;
  }
}

/** A vendor of the Files API that gives files back as they came, as no other provider here does. */
void hostProvider({
  providerId: 'vault',
  Settings: VaultSettings,
  create: ({ baseUrl }: VaultSettings, dependencies) => {
    const adapter = createSora({ baseUrl, SORA_BASE_URL: baseUrl }, dependencies);
    const files = soraCapabilities.variants.filter(({ variant }) => variant === 'file').map((variant) => ({ ...variant, returnsBytes: 'exact' }) as const);
    return { ...adapter, capabilities: { ...soraCapabilities, providerId: 'vault', displayName: 'Vault', variants: files, nativeUses: {} } };
  },
});
