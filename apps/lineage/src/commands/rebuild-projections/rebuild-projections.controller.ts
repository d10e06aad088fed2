import { RebuildRequest, SUBJECTS } from '@ferry/contracts';
import type { EventStore } from '@ferry/event-store';
import type { Position } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { EdgesRunner } from '../../projections/edges-runner';

const REBUILT_MS = 60_000;

@Controller()
export class RebuildProjectionsController {
  constructor(
    private readonly edges: EdgesRunner,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** Answered when the edges are back at the position. Who may ask is the gateway's matter. */
  @MessagePattern(SUBJECTS.lineage.rebuild)
  async rebuild(@Payload() _request: RebuildRequest): Promise<{ position: Position }> {
    const position = await this.store.head();
    await this.edges.runner.rebuild(position, REBUILT_MS);
    return { position };
  }
}
