export * from './health';
export * from './logger';
export * from './metrics';
export * from './context';
export * from './step-boundaries';
