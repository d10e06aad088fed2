import { AssetCommandRequest, PlanRequest, SUBJECTS, type ResolvePlan } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { PlanService } from './plan.service';

const unsupported = (what: string): never => {
  throw new FerryError('UNSUPPORTED', 'unsupported', `${what} is not supported by this version.`);
};

@Controller()
export class ResolveController {
  constructor(private readonly plans: PlanService) {}

  @MessagePattern(SUBJECTS.transfer.plan)
  plan(@Payload() request: PlanRequest): Promise<ResolvePlan> {
    return this.plans.plan(request);
  }

  @MessagePattern(SUBJECTS.transfer.check)
  check(@Payload() _request: AssetCommandRequest): never {
    return unsupported('Checking a reference');
  }
}
