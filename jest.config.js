const { paths, swcOptions } = require('./tools/build/swc-options');

const swc = ['@swc/jest', { ...swcOptions, sourceMaps: 'inline' }];
/** Packages in ESM alone that CommonJS packages require: Node does that, jest does not. */
const ESM_PACKAGES = 'content-disposition';

const moduleNameMapper = Object.fromEntries(
  Object.entries(paths).map(([alias, [target]]) => [`^${alias}$`, `<rootDir>/${target.replace(/^\.\//, '')}`]),
);

// What fails says so itself; the log of a service in the same process would only hide it. A spec that reads a log asks for its level.
process.env['LOG_LEVEL'] ??= 'silent';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/tools'],
  testMatch: ['**/*.spec.ts'],
  transform: { '\\.ts$': swc, [`/node_modules/(${ESM_PACKAGES})/.*\\.js$`]: swc },
  transformIgnorePatterns: [`/node_modules/(?!(${ESM_PACKAGES})/)`],
  moduleNameMapper,
  workerIdleMemoryLimit: '1GB',
  // The long specs mostly wait for processes: three go well on two cores, the longest first so that none is left at the end.
  testSequencer: '<rootDir>/tools/build/longest-first.js',
  // Specs that share a named server would answer each other's requests: then one file after the other.
  maxWorkers: ['NATS_URL', 'EVENTSTORE_URL', 'MONGODB_URL'].some((name) => process.env[name]) ? 1 : 3,
  testTimeout: 90_000,
};
