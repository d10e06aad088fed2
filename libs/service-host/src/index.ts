export * from './bootstrap';
export * from './config';
export { HostModule } from './host.module';
export * from './tokens';
