export { type NatsOptions, type NatsServer, startNats } from './server';
export { StartError } from './start-error';
