export * from './event-store';
export { EventSubscription, type SubscribeOptions } from './subscription';
export { metadataFor } from './metadata';
