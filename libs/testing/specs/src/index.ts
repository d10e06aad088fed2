export { deciderSpec, replaySpec, type DecisionSpec, type GivenSpec } from './decider-spec';
export { eventually, type EventuallyOptions } from './eventually';
export { freePort } from './free-port';
export { rounds, seed } from './randomness';
export { spawnTs, type ChildExit, type SpawnedProgram } from './spawn-ts';
export { tempDir, type TempDir } from './temp-dir';
