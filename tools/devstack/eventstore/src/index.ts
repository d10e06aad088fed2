export { startEventStore, type EventStoreOptions, type RunningEventStore } from './server';
export { DataFolderError } from './storage/data-folder-error';
