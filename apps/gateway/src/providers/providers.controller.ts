import type { ProviderCapabilities } from '@ferry/contracts';
import { toFerryError } from '@ferry/messaging';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { CallQuery, ProviderPath } from '../http/parameters';
import { Documented } from '../openapi/documented';

/** What the adapter says, or that it does not answer now. */
export type ProviderView = ({ readonly available: true } & ProviderCapabilities) | { readonly available: false; readonly providerId: string };

@ApiTags('providers')
@ApiBearerAuth()
@Controller('v1/providers')
export class ProvidersController {
  constructor(private readonly directory: ProviderDirectory) {}

  @Get()
  @Documented({ summary: 'The providers of this deployment, with what they take', answer: 'ProviderList' })
  async list(@Query() _: CallQuery): Promise<{ items: ProviderView[] }> {
    return { items: await Promise.all(this.directory.providerIds.map((providerId) => this.view(providerId))) };
  }

  @Get(':providerId')
  @Documented({ summary: 'One provider', answer: 'Provider', errors: { 404: ['UNKNOWN_PROVIDER'] } })
  get(@Param() { providerId }: ProviderPath, @Query() _: CallQuery): Promise<ProviderView> {
    return this.view(providerId);
  }

  private async view(providerId: string): Promise<ProviderView> {
    try {
      return { available: true, ...(await this.directory.describe(providerId)) };
    } catch (error) {
      if (toFerryError(error).code === 'PROVIDER_UNAVAILABLE') return { available: false, providerId };
      throw error;
    }
  }
}
