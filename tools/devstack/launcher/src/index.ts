export { startSystem, type System, type SystemOptions } from './system';
export { isAlive } from './is-alive';
export { resolveServer, type ResolvedServer, type ServerKind } from './server-resolution';
export { SIMULATED_KEYS, type SimulatorUrls } from './simulator';
export type { ServiceName } from './services';
export type { ProcessHandle } from './supervised-process';
export type { ServerUrls } from './servers';
export { buildWorkspace, launcherFile } from './workspace';
