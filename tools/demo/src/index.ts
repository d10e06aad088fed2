export { FerryClient, ProblemError, type Answer, type Problem, type Registered, type Resolved } from './ferry-client';
export { Vendors, type Counters, type Seeded } from './vendors';
