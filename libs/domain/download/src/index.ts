export * from './download.commands';
export { downloadDecider, downloadDefinition } from './download.decider';
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
