export { startServers, type Servers } from './servers';
export { startProgram, startService, type Service } from './service';
export { eventStoreServer, itWithOwn, mongoServer, natsServer, type ServerVariable, type TestServer } from './test-server';
