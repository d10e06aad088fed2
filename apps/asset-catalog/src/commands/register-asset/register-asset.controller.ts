import { RegisterAssetRequest, SUBJECTS, type RegisterAssetAnswer } from '@ferry/contracts';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { RegisterAsset } from './register-asset';

@Controller()
export class RegisterAssetController {
  constructor(private readonly registerAsset: RegisterAsset) {}

  @MessagePattern(SUBJECTS.catalog.register)
  register(@Payload() request: RegisterAssetRequest): Promise<RegisterAssetAnswer> {
    return this.registerAsset.execute(request);
  }
}
