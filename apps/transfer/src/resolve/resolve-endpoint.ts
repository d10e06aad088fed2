import { ResolveRequest, SUBJECTS, type ResolveAnswer } from '@ferry/contracts';
import type { Messaging, Served } from '@ferry/messaging';
import { MESSAGING, SERVICE_NAME } from '@ferry/service-host';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { KnownAnswers } from './known-answers';
import { ResolveService } from './resolve.service';

/** Serves getAssetForProvider with the bare NATS client, in the queue group that the service has for all else. */
@Injectable()
export class ResolveEndpoint implements OnApplicationBootstrap, OnModuleDestroy {
  private served: Served | undefined;

  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(SERVICE_NAME) private readonly queue: string,
    private readonly service: ResolveService,
    private readonly known: KnownAnswers,
  ) {}

  onApplicationBootstrap(): void {
    this.served = this.messaging.serve(SUBJECTS.transfer.resolve, ResolveRequest, (request): Promise<ResolveAnswer> => this.service.resolve(request), { queue: this.queue, quick: (request) => this.known.json(request) });
  }

  async onModuleDestroy(): Promise<void> {
    await this.served?.close();
  }
}
