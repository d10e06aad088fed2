export * from './lease-manager';
export * from './permits';
export * from './snapshots';
