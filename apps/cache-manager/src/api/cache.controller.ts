import {
  AcquireLeaseRequest,
  AssetCommandRequest,
  FollowDownloadRequest,
  LeaseRequest,
  OpenDownloadRequest,
  OwnedRequest,
  SkipCaptureRequest,
  SUBJECTS,
  type AcquireLeaseAnswer,
  type CacheUsage,
  type FollowDownloadAnswer,
  type OpenDownloadAnswer,
  type PinAnswer,
} from '@ferry/contracts';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { CacheNode } from '../cache/cache-node';

@Controller()
export class CacheController {
  constructor(@Inject(CacheNode) private readonly node: CacheNode) {}

  @MessagePattern(SUBJECTS.cache.open)
  open(@Payload() request: OpenDownloadRequest): Promise<OpenDownloadAnswer> {
    return this.node.router.route('open', request);
  }

  @MessagePattern(SUBJECTS.cache.follow)
  follow(@Payload() request: FollowDownloadRequest): Promise<FollowDownloadAnswer> {
    return this.node.router.route('follow', request);
  }

  @MessagePattern(SUBJECTS.cache.acquire)
  acquire(@Payload() request: AcquireLeaseRequest): Promise<AcquireLeaseAnswer> {
    return this.node.router.route('acquire', request);
  }

  @MessagePattern(SUBJECTS.cache.renew)
  renew(@Payload() request: LeaseRequest): Promise<AcquireLeaseAnswer> {
    return this.node.router.route('renew', request);
  }

  @MessagePattern(SUBJECTS.cache.release)
  release(@Payload() request: LeaseRequest): Promise<{ released: true }> {
    return this.node.router.route('release', request);
  }

  @MessagePattern(SUBJECTS.cache.pin)
  pin(@Payload() request: AssetCommandRequest): Promise<PinAnswer> {
    return this.node.router.route('pin', request);
  }

  @MessagePattern(SUBJECTS.cache.unpin)
  unpin(@Payload() request: AssetCommandRequest): Promise<PinAnswer> {
    return this.node.router.route('unpin', request);
  }

  @MessagePattern(SUBJECTS.cache.releaseLastCopy)
  releaseLastCopy(@Payload() request: AssetCommandRequest): Promise<PinAnswer> {
    return this.node.router.route('releaseLastCopy', request);
  }

  @MessagePattern(SUBJECTS.cache.skipCapture)
  skipCapture(@Payload() request: SkipCaptureRequest): Promise<PinAnswer> {
    return this.node.router.route('skipCapture', request);
  }

  @MessagePattern(SUBJECTS.cache.usage)
  usage(@Payload() request: OwnedRequest): Promise<CacheUsage> {
    return this.node.router.usage(request);
  }
}
