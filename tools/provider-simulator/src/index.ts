export { startSimulator, type Simulator, type SimulatorOptions } from './simulator';
export type { Fault } from './faults';
export type { Counts } from './counters';
export type { StoredObject } from './object-store';
