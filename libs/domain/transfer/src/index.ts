export {
  transferDecider,
  transferDefinition,
  type AcceptUpload,
  type CancelTransfer,
  type ClaimTransfer,
  type CompleteTransfer,
  type FailTransfer,
  type FailUpload,
  type InvalidateReference,
  type OrphanUpload,
  type RaiseTransfer,
  type ReleaseUpload,
  type RequestTransfer,
  type RetryTransfer,
  type StartUpload,
  type TransferCommand,
} from './transfer.decider';
export { type TransferErrorCode } from './transfer.errors';
export * from './transfer.events';
export {
  isOpen,
  type ClaimedRun,
  type EndedRun,
  type OpenRun,
  type RouteReference,
  type RouteState,
  type TransferRun,
} from './transfer.state';
