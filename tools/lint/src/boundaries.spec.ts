import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const BOUNDARIES = '@nx/enforce-module-boundaries';
const use = (specifier: string) => `import * as planted from '${specifier}';\nexport const use = planted;\n`;

/** One violation for each rule: path, code, the rule that must bite. */
const VIOLATIONS: readonly (readonly [string, string, string])[] = [
  ['libs/kernel/src/planted.ts', use('mongodb'), BOUNDARIES],
  ['libs/kernel/src/planted.ts', use('@ferry/contracts'), BOUNDARIES],
  ['libs/kernel/src/planted.ts', 'export const now = () => Date.now();\n', 'no-restricted-syntax'],
  ['libs/kernel/src/planted.ts', 'export const now = () => new Date();\n', 'no-restricted-syntax'],
  ['libs/domain/transfer/src/planted.ts', 'export const dice = () => Math.random();\n', 'no-restricted-syntax'],
  ['libs/domain/transfer/src/planted.ts', use('@ferry/domain/asset'), BOUNDARIES],
  ['libs/domain/transfer/src/planted.ts', use('rxjs'), BOUNDARIES],
  ['libs/contracts/src/planted.ts', use('@ferry/messaging'), BOUNDARIES],
  ['libs/contracts/src/planted.ts', use('@nestjs/common'), BOUNDARIES],
  ['libs/eviction/src/planted.ts', use('@ferry/observability'), BOUNDARIES],
  ['libs/eviction/src/planted.ts', use('mongodb'), BOUNDARIES],
  ['libs/eviction/src/planted.ts', 'export const now = () => Date.now();\n', 'no-restricted-syntax'],
  ['libs/event-store/src/planted.ts', use('mongodb'), BOUNDARIES],
  ['libs/event-store/src/planted.ts', use('@ferry/domain/asset/events'), BOUNDARIES],
  ['libs/read-models/src/planted.ts', use('nats'), BOUNDARIES],
  ['libs/messaging/src/planted.ts', use('opossum'), BOUNDARIES],
  ['libs/provider-sdk/src/planted.ts', use('@ferry/event-store'), BOUNDARIES],
  ['libs/service-host/src/planted.ts', use('@ferry/domain/asset/events'), BOUNDARIES],
  ['apps/transfer/src/planted.ts', use('@eventstore/db-client'), BOUNDARIES],
  ['apps/transfer/src/planted.ts', use('@ferry/testing/specs'), BOUNDARIES],
  ['apps/transfer/src/planted.ts', use('@ferry/devstack'), BOUNDARIES],
  ['apps/transfer/src/planted.ts', use('@ferry/domain/asset'), 'no-restricted-imports'],
  ['apps/asset-catalog/src/planted.ts', use('@ferry/domain/transfer'), 'no-restricted-imports'],
  ['apps/cache-manager/src/planted.ts', use('@ferry/domain/lineage'), 'no-restricted-imports'],
  ['apps/lineage/src/planted.ts', use('@ferry/domain/cache'), 'no-restricted-imports'],
  ['apps/provider-sora/src/planted.ts', use('@ferry/event-store'), BOUNDARIES],
  ['apps/provider-sora/src/planted.ts', use('@ferry/domain/asset/events'), BOUNDARIES],
  ['apps/gateway/src/planted.ts', use('@ferry/domain/asset/events'), BOUNDARIES],
  ['apps/gateway/src/planted.ts', use('@ferry/read-models'), BOUNDARIES],
  ['tools/provider-simulator/src/planted.ts', use('@ferry/provider-sdk'), BOUNDARIES],
  ['apps/lineage/src/planted.ts', 'export const f = (x: any) => x;\n', '@typescript-eslint/no-explicit-any'],
  ['apps/lineage/src/planted.ts', "console.log('x');\n", 'no-console'],
];

/** What must stay allowed: a rule that bites everything proves nothing. */
const ALLOWED: readonly (readonly [string, string])[] = [
  ['libs/domain/transfer/src/planted.ts', use('@ferry/kernel')],
  ['apps/transfer/src/planted.ts', use('@ferry/domain/asset/events')],
  ['apps/transfer/src/planted.ts', use('@ferry/domain/transfer')],
  ['apps/provider-sora/src/planted.ts', use('@ferry/provider-sdk')],
  ['apps/gateway/src/planted.ts', use('@ferry/messaging')],
  ['libs/event-store/src/planted.ts', use('@eventstore/db-client')],
];

describe('the boundaries between projects', () => {
  const planted = [...VIOLATIONS, ...ALLOWED].map(([path, code]) => ({ path, code }));
  let bites: { ruleId: string; message: string }[][] = [];

  beforeAll(() => {
    const script = join(__dirname, 'lint-planted.mjs');
    const options = { input: JSON.stringify(planted), encoding: 'utf8', env: { ...process.env, NX_DAEMON: 'false' }, timeout: 100_000 } as const;
    const { stdout, stderr, status } = spawnSync(process.execPath, [script], options);
    if (status !== 0) throw new Error(`the linter failed: ${stderr}`);
    bites = JSON.parse(stdout.trim().split('\n').at(-1)!);
  }, 120_000);

  it.each(VIOLATIONS.map((violation, index) => [...violation, index] as const))('%s: %j is caught by %s', (_path, _code, rule, index) => {
    expect(bites[index]!.map(({ ruleId }) => ruleId)).toContain(rule);
  });

  it.each(ALLOWED.map((allowed, index) => [...allowed, index] as const))('%s: %j is allowed', (_path, _code, index) => {
    expect(bites[VIOLATIONS.length + index]).toEqual([]);
  });
});
