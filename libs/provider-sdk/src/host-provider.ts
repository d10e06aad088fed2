import { randomUUID } from 'node:crypto';
import {
  AuthorizeAccountRequest,
  FindUploadRequest,
  providerSubjects,
  ReferenceCallRequest,
  StartJobRequest,
  type AuthorizeAccountAnswer,
  type DeleteUploadAnswer,
  type FindUploadAnswer,
  type JobStatus,
  type ProviderCapabilities,
  type ReferenceCheck,
} from '@ferry/contracts';
import type { Messaging } from '@ferry/messaging';
import type { Health, Logger } from '@ferry/observability';
import { bootstrapService, HEALTH, loadConfig, LOGGER, MESSAGING } from '@ferry/service-host';
import { Controller, Inject, Module, type BeforeApplicationShutdown, type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { DataPlane } from './data-plane';
import { HttpClient } from './http-client';
import type { AdapterDependencies, AdapterSettings, ProviderAdapter } from './provider-adapter';
import { ProviderRuntime } from './provider-runtime';
import { hostsOf, httpOptions, loadAccounts, ProviderHostSettings, withRateLimits } from './provider-settings';

/** An adapter as its process starts it. */
export interface ProviderDefinition<Settings extends AdapterSettings> {
  /** In subjects, events and the environment: `{PROVIDER}_ACCOUNTS`. */
  readonly providerId: string;
  /** Validated from the environment. */
  readonly Settings: new () => Settings;
  readonly create: (settings: Settings, dependencies: AdapterDependencies) => ProviderAdapter;
}

const createRuntime = <Settings extends AdapterSettings>(
  { providerId, Settings, create }: ProviderDefinition<Settings>,
  messaging: Messaging,
  logger: Logger,
  health: Health,
): ProviderRuntime => {
  const settings = loadConfig(Settings);
  const host = loadConfig(ProviderHostSettings);
  const accounts = loadAccounts(providerId, process.env);
  const http = new HttpClient({ apiUrl: settings.baseUrl, ...httpOptions(host) });
  const created = create(settings, { http, now: Date.now, uuid: randomUUID });
  const adapter = { ...created, capabilities: withRateLimits(created.capabilities, process.env) };
  const runtime = new ProviderRuntime({ providerId, adapter, accounts, http, dataPlane: new DataPlane(hostsOf(host.FERRY_DATA_HOSTS)), messaging, logger });
  health.register('jobs', () => runtime.ready);
  return runtime;
};

/** The subjects carry the provider's id, so each provider has a controller class of its own. */
const controllerFor = (providerId: string): Type => {
  const subjects = providerSubjects(providerId);

  @Controller()
  class ProviderController implements BeforeApplicationShutdown {
    constructor(@Inject(ProviderRuntime) private readonly runtime: ProviderRuntime) {}

    @MessagePattern(subjects.describe)
    describe(): ProviderCapabilities {
      return this.runtime.parts.adapter.capabilities;
    }

    @MessagePattern(subjects.authorize)
    authorize(@Payload() { owner, accountId }: AuthorizeAccountRequest): AuthorizeAccountAnswer {
      return this.runtime.parts.accounts.authorize(owner, accountId);
    }

    @MessagePattern(subjects.start)
    start(@Payload() request: StartJobRequest): Promise<JobStatus> {
      return this.runtime.start(request);
    }

    @MessagePattern(subjects.findUpload)
    findUpload(@Payload() request: FindUploadRequest): Promise<FindUploadAnswer> {
      return this.runtime.calls.findUpload(request);
    }

    @MessagePattern(subjects.checkReference)
    checkReference(@Payload() request: ReferenceCallRequest): Promise<ReferenceCheck> {
      return this.runtime.calls.checkReference(request);
    }

    @MessagePattern(subjects.deleteUpload)
    deleteUpload(@Payload() request: ReferenceCallRequest): Promise<DeleteUploadAnswer> {
      return this.runtime.calls.deleteUpload(request);
    }

    /** Before the message bus closes: who joined a job still gets its answer. */
    beforeApplicationShutdown(): Promise<void> {
      return this.runtime.close();
    }
  }
  return ProviderController;
};

@Module({})
class ProviderModule {}

export const providerModule = <Settings extends AdapterSettings>(definition: ProviderDefinition<Settings>): DynamicModule => ({
  module: ProviderModule,
  controllers: [controllerFor(definition.providerId)],
  providers: [
    {
      provide: ProviderRuntime,
      inject: [MESSAGING, LOGGER, HEALTH],
      useFactory: (messaging: Messaging, logger: Logger, health: Health) => createRuntime(definition, messaging, logger, health),
    },
  ],
});

/** Runs an adapter as a service: subjects, accounts, the job protocol, streams, health. The adapter holds vendor knowledge only. */
export const hostProvider = <Settings extends AdapterSettings>(definition: ProviderDefinition<Settings>): Promise<INestApplication> =>
  bootstrapService(providerModule(definition), { name: `provider-${definition.providerId}` });
