import type { Messaging } from '@ferry/messaging';
import { Global, Inject, Module, type OnModuleDestroy } from '@nestjs/common';
import { Matches } from 'class-validator';
import { loadConfig } from './config';
import { ProviderDirectory } from './provider-directory';
import { MESSAGING } from './tokens';

export { ProviderDirectory } from './provider-directory';

export class ProvidersConfig {
  /** The providers of this deployment, comma separated: `pixverse,sora`. */
  @Matches(/^[a-z0-9-]+(,[a-z0-9-]+)*$/) FERRY_PROVIDERS!: string;
}

/** For the services that ask adapters: gives a ProviderDirectory. */
@Global()
@Module({
  providers: [
    { provide: ProvidersConfig, useFactory: () => loadConfig(ProvidersConfig) },
    {
      provide: ProviderDirectory,
      inject: [ProvidersConfig, MESSAGING],
      useFactory: ({ FERRY_PROVIDERS }: ProvidersConfig, messaging: Messaging) => new ProviderDirectory(messaging, FERRY_PROVIDERS.split(',')),
    },
  ],
  exports: [ProviderDirectory],
})
export class ProvidersModule implements OnModuleDestroy {
  constructor(@Inject(ProviderDirectory) private readonly directory: ProviderDirectory) {}

  onModuleDestroy(): void {
    this.directory.close();
  }
}
