export * from './transfer.commands';
export { transferDecider, transferDefinition } from './transfer.decider';
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
