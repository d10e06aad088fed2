import { AssetCommandRequest, ResolveRequest, SUBJECTS, TransferCommandRequest, type ResolveAnswer } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { ResolveService } from './resolve.service';

const unsupported = (what: string): never => {
  throw new FerryError('UNSUPPORTED', 'unsupported', `${what} is not supported by this version.`);
};

@Controller()
export class ResolveController {
  constructor(private readonly service: ResolveService) {}

  @MessagePattern(SUBJECTS.transfer.resolve)
  resolve(@Payload() request: ResolveRequest): Promise<ResolveAnswer> {
    return this.service.resolve(request);
  }

  @MessagePattern(SUBJECTS.transfer.plan)
  plan(@Payload() _request: AssetCommandRequest): never {
    return unsupported('Planning a resolve');
  }

  @MessagePattern(SUBJECTS.transfer.check)
  check(@Payload() _request: AssetCommandRequest): never {
    return unsupported('Checking a reference');
  }

  @MessagePattern(SUBJECTS.transfer.cancel)
  cancel(@Payload() _request: TransferCommandRequest): never {
    return unsupported('Cancelling a transfer');
  }
}
