export * from './lease-manager';
