import { RebuildRequest, SUBJECTS } from '@ferry/contracts';
import type { Position } from '@ferry/kernel';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { Projections } from '../../projections/projections';

@Controller()
export class RebuildProjectionsController {
  constructor(private readonly projections: Projections) {}

  /** Answered when the read models are back at the position. Who may ask is the gateway's matter. */
  @MessagePattern(SUBJECTS.catalog.rebuild)
  async rebuild(@Payload() _request: RebuildRequest): Promise<{ position: Position }> {
    return { position: await this.projections.rebuild() };
  }
}
