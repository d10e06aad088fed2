import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

const DRIVERS = ['@eventstore/db-client', 'mongodb', 'nats', 'opossum'];
/** Every driver but the one named: a library has at most one. */
const driversBut = (...allowed) => DRIVERS.filter((driver) => !allowed.includes(driver));
const adapter = (scope, ...drivers) => ({
  allSourceTags: ['type:adapter', `scope:${scope}`],
  onlyDependOnLibsWithTags: ['type:kernel', 'scope:observability', 'scope:resilience'],
  bannedExternalImports: driversBut(...drivers),
});

/** Which project may import which: docs/architecture.md, "Layers". */
export const depConstraints = [
  { sourceTag: 'type:kernel', onlyDependOnLibsWithTags: ['type:kernel'], allowedExternalImports: ['uuid'] },
  { sourceTag: 'type:domain', onlyDependOnLibsWithTags: ['type:kernel'], allowedExternalImports: [] },
  { sourceTag: 'type:contracts', onlyDependOnLibsWithTags: ['type:kernel'], allowedExternalImports: ['class-validator', 'class-transformer', 'reflect-metadata'] },
  adapter('observability'),
  adapter('resilience', 'opossum'),
  adapter('eviction'),
  adapter('messaging', 'nats'),
  adapter('event-store', '@eventstore/db-client'),
  adapter('read-models', 'mongodb'),
  adapter('coordination', 'mongodb'),
  { sourceTag: 'type:host', onlyDependOnLibsWithTags: ['type:kernel', 'type:contracts', 'type:adapter'], bannedExternalImports: DRIVERS },
  {
    sourceTag: 'type:sdk',
    onlyDependOnLibsWithTags: ['type:kernel', 'type:contracts', 'scope:messaging', 'scope:resilience', 'scope:observability', 'type:host'],
    bannedExternalImports: DRIVERS,
  },
  {
    sourceTag: 'type:service',
    onlyDependOnLibsWithTags: ['type:kernel', 'type:domain', 'type:contracts', 'type:adapter', 'type:host'],
    bannedExternalImports: DRIVERS,
  },
  { sourceTag: 'type:provider', onlyDependOnLibsWithTags: ['type:sdk', 'type:kernel', 'type:contracts'], bannedExternalImports: [...DRIVERS, '@nestjs/*'] },
  {
    sourceTag: 'type:gateway',
    onlyDependOnLibsWithTags: ['type:kernel', 'type:contracts', 'scope:messaging', 'scope:observability', 'scope:resilience', 'type:host'],
    bannedExternalImports: DRIVERS,
  },
  { sourceTag: 'type:testing', onlyDependOnLibsWithTags: ['type:kernel', 'type:contracts', 'type:adapter', 'type:sdk', 'type:testing', 'type:tool'] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['type:kernel', 'type:contracts', 'scope:observability', 'type:tool'] },
  { sourceTag: 'platform:pure', onlyDependOnLibsWithTags: ['platform:pure'] },
];

const SEE = 'See CONTRIBUTING.md, "Rules".';
const IMPURE = [
  ["NewExpression[callee.name='Date'][arguments.length=0]", 'The pure core has no clock: it comes in with the command.'],
  ["MemberExpression[object.name='Date'][property.name='now']", 'The pure core has no clock: it comes in with the command.'],
  ["MemberExpression[object.name='Math'][property.name='random']", 'The pure core draws no random values: they come in with the command.'],
  ["Identifier[name=/^(process|crypto)$/]", 'The pure core has no environment and no ids of its own: they come in with the command.'],
].map(([selector, message]) => ({ selector, message: `${message} ${SEE}` }));

/** A context may read another's history, through its events entry point, but never decide for it. */
const foreignDeciders = (own) => ({
  files: [`apps/${own.app}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: ['asset', 'download', 'transfer', 'cache', 'lineage', 'warming']
          .filter((domain) => !own.domains.includes(domain))
          .map((domain) => ({ name: `@ferry/domain/${domain}`, message: `Import @ferry/domain/${domain}/events: another context's decider is its own. ${SEE}` })),
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['**/node_modules', 'dist', 'data', '.nx', 'coverage', 'tmp'] },
  { files: ['**/*.ts'], extends: [tseslint.configs.recommended] },
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { enforceBuildableLibDependency: false, allow: [], depConstraints }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'off',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: ['error', 'always'],
    },
  },
  {
    // Specs and their helpers are not production code: they may run what production may not import.
    files: ['**/*.spec.ts', '**/testing/**/*.ts', 'tools/e2e/**/*.ts', 'tools/demo/**/*.ts', 'tools/bench/**/*.ts'],
    rules: { '@nx/enforce-module-boundaries': 'off', 'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }] },
  },
  { files: ['tools/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['libs/**/*.spec.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: ['@ferry/devstack/*'], message: `Ask @ferry/testing/servers: it gives the server that the environment names. ${SEE}` }] }],
    },
  },
  { files: ['libs/kernel/src/**/*.ts', 'libs/domain/**/*.ts', 'libs/eviction/**/*.ts'], ignores: ['**/*.spec.ts'], rules: { 'no-restricted-syntax': ['error', ...IMPURE] } },
  foreignDeciders({ app: 'asset-catalog', domains: ['asset'] }),
  foreignDeciders({ app: 'transfer', domains: ['transfer', 'download', 'warming'] }),
  foreignDeciders({ app: 'cache-manager', domains: ['cache'] }),
  foreignDeciders({ app: 'lineage', domains: ['lineage'] }),
);
