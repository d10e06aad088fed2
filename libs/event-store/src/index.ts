export * from './event-store';
export { EventSubscription, type SubscribeOptions } from './subscription';
