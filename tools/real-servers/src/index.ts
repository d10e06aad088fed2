export { dockerProblem } from './docker';
export { REAL_SERVERS } from './compose-servers';
export { startRealServers, type RealServers } from './real-servers';
