import { LinkParentRequest, SUBJECTS, type LineageCommandAnswer } from '@ferry/contracts';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { LinkParent } from './link-parent';

@Controller()
export class LinkParentController {
  constructor(private readonly linkParent: LinkParent) {}

  @MessagePattern(SUBJECTS.lineage.link)
  async link(@Payload() request: LinkParentRequest): Promise<LineageCommandAnswer> {
    return { token: await this.linkParent.execute(request) };
  }
}
