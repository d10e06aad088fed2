import { PlanRequest, SUBJECTS, type ResolvePlan } from '@ferry/contracts';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { PlanService } from './plan.service';

@Controller()
export class ResolveController {
  constructor(private readonly plans: PlanService) {}

  @MessagePattern(SUBJECTS.transfer.plan)
  plan(@Payload() request: PlanRequest): Promise<ResolvePlan> {
    return this.plans.plan(request);
  }
}
