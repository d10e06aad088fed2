export { environmentOf, readCompose, ROOT, type ComposeService, type HealthCheck } from './compose';
