import { AssetCommandRequest, SUBJECTS } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

const unsupported = (what: string): never => {
  throw new FerryError('UNSUPPORTED', 'unsupported', `${what} is not supported by this version.`);
};

@Controller()
export class ResolveController {
  @MessagePattern(SUBJECTS.transfer.plan)
  plan(@Payload() _request: AssetCommandRequest): never {
    return unsupported('Planning a resolve');
  }

  @MessagePattern(SUBJECTS.transfer.check)
  check(@Payload() _request: AssetCommandRequest): never {
    return unsupported('Checking a reference');
  }
}
