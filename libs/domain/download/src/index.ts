export {
  downloadDecider,
  downloadDefinition,
  type CancelDownload,
  type ClaimDownload,
  type CompleteDownload,
  type DownloadCommand,
  type FailDownload,
  type FailDownloadAttempt,
  type LeaveDownload,
  type RequestDownload,
  type StartDownload,
} from './download.decider';
export { type DownloadErrorCode } from './download.errors';
export * from './download.events';
export {
  isOpenDownload,
  priorityOf,
  type ClaimedDownload,
  type DownloadRun,
  type DownloadState,
  type EndedDownload,
  type Follower,
  type OpenDownload,
} from './download.state';
