import 'reflect-metadata';
export { Account, AccountRegistry } from './account-registry';
export { AddressGuard, hostAndPort, isPublicAddress, type GuardOptions } from './address-guard';
export { asDownload } from './downloaded-body';
export { DataPlane } from './data-plane';
export { hostProvider, type ProviderDefinition } from './host-provider';
export { HttpClient, type HttpAnswer, type HttpOptions, type HttpRequest, type HttpUpload, type JsonAnswer } from './http-client';
export { Cancelled } from './http-errors';
export { JobError } from './job-error';
export { Job, JobRegistry, type JobContext, type JobRegistryOptions, type JobRequest, type JobResult } from './job-registry';
export { parseLossless } from './lossless-json';
export { MultipartUpload, type MultipartFile, type MultipartOptions, type Release, type SeenContent } from './multipart';
export type {
  AdapterDependencies,
  AdapterSettings,
  CallContext,
  DownloadedAsset,
  FileToUpload,
  Origin,
  ProviderAdapter,
  UploadContext,
  WantedUpload,
} from './provider-adapter';
export { excerptOf, kindOfStatus, parseRetryAfter, ProviderError, redact, type ProviderErrorDetails } from './provider-error';
export { idMember, member, numberMember, textMember } from './vendor-answer';
