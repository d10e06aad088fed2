export { type MongoOptions, type RunningMongo, startMongo } from './server';
