export { startServers, type Servers } from './servers';
export { startService, type Service } from './service';
