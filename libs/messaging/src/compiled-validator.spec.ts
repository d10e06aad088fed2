import { RegisterAssetRequest, ReleaseRequest, ResolveRequest } from '@ferry/contracts';
import { ASSET_USES } from '@ferry/kernel';
import { rounds, seed } from '@ferry/testing/specs';
import * as fc from 'fast-check';
import { acceptor, compileValidator } from './compiled-validator';
import { validated } from './validation';

const attempt = <T>(work: () => T): { value: T } | { error: unknown } => {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
};

/** As a message arrives. */
const sent = (data: unknown): unknown => (data === undefined ? undefined : JSON.parse(JSON.stringify(data)));

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);
const uuid = fc.uuid();
const token = fc.record({ stream: fc.string({ maxLength: 60 }), revision: fc.integer({ min: -1, max: 1e9 }), position: fc.stringMatching(/^[0-9]{20}$/) });
const valid = fc.record(
  {
    owner: name,
    actor: fc.string({ minLength: 1, maxLength: 100 }),
    commandId: fc.string({ minLength: 1, maxLength: 100 }),
    assetId: uuid,
    providerId: name,
    accountId: fc.option(name),
    use: fc.option(fc.constantFrom(...ASSET_USES)),
    minRemainingTtl: fc.option(fc.integer({ min: 0, max: 30 * 86_400 })),
    awaiting: fc.option(fc.tuple(uuid, fc.integer({ min: 1, max: 999_999_999 })).map(([id, run]) => `${id}-${run}`)),
    atLeast: fc.option(token),
  },
  { requiredKeys: ['owner', 'actor', 'commandId', 'assetId', 'providerId'] },
);
/** What somebody may send in a field's place: other types, borders, nests, characters that count twice. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, '', ' ', 0, -1, 1.5, 1e300, -0, true, [], {}, [null], '0', '\u0000', 'é', '\ud83d\ude00'.repeat(60), 'a'.repeat(101), 'a'.repeat(64), 'a'.repeat(65)),
  fc.constantFrom('00000000-0000-0000-0000-000000000000', 'name\n', 30 * 86_400, 30 * 86_400 + 1, ['source-video'], { length: 3 }),
  token,
  fc.string({ unit: 'binary', maxLength: 210 }),
);
const FIELDS = ['owner', 'actor', 'commandId', 'assetId', 'providerId', 'accountId', 'use', 'minRemainingTtl', 'awaiting', 'atLeast'];
const POISON = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'extra'];
const changed = fc
  .tuple(valid, fc.array(fc.tuple(fc.constantFrom(...FIELDS, ...POISON), anything), { maxLength: 3 }), fc.subarray(FIELDS, { maxLength: 2 }))
  .map(([request, replaced, missing]) => {
    const entries = new Map<string, unknown>(Object.entries(request));
    for (const [field, value] of replaced) entries.set(field, value);
    for (const field of missing) entries.delete(field);
    // Text, so that `__proto__` is a field of its own as it is in a message.
    return JSON.parse(`{${[...entries].map(([field, value]) => `${JSON.stringify(field)}:${JSON.stringify(value) ?? 'null'}`).join(',')}}`) as unknown;
  });
const nestedChanged = fc
  .tuple(valid, token, fc.constantFrom('stream', 'revision', 'position', 'extra', 'constructor'), anything)
  .map(([request, given, field, value]) => ({ ...request, atLeast: { ...given, [field]: value } }));

const agree = (data: unknown): void => {
  const whole = attempt(() => validated(ResolveRequest, structuredClone(data)));
  const fast = acceptor(ResolveRequest)(structuredClone(data));
  if ('error' in whole) expect(fast).toBeUndefined();
  else {
    expect(fast).toBeInstanceOf(ResolveRequest);
    expect(fast).toEqual(whole.value);
    expect(JSON.stringify(fast, Object.keys(fast!).sort())).toBe(JSON.stringify(whole.value, Object.keys(fast!).sort()));
  }
};

describe('a compiled validator', () => {
  const parameters = () => ({ seed: seed(), numRuns: rounds(400) });

  it('accepts every valid request, as the whole rules do', () => {
    fc.assert(
      fc.property(valid, (request) => {
        expect(acceptor(ResolveRequest)(sent(request))).toBeDefined();
        agree(sent(request));
      }),
      parameters(),
    );
  });

  it('accepts and refuses the same: fields of wrong types, missing, unknown, poisonous', () => {
    fc.assert(fc.property(changed, agree), parameters());
    fc.assert(fc.property(nestedChanged.map(sent), agree), parameters());
    fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.array(valid, { maxLength: 2 })), agree), parameters());
  });

  it('refuses in the same words', () => {
    const compiled = compileValidator(ResolveRequest);
    for (const data of [{}, null, [], 'text', { owner: 'dev' }, { owner: 1, atLeast: [] }, { owner: 'dev', atLeast: { revision: -2 } }]) {
      const whole = attempt(() => validated(ResolveRequest, data));
      expect(whole).toHaveProperty('error.code', 'VALIDATION_FAILED');
      expect(attempt(() => compiled(data))).toEqual(whole);
    }
  });

  it('drops fields that the class does not name, nested ones too', () => {
    const request = { owner: 'dev', actor: 'a', commandId: 'c', assetId: '5d1c9a52-3a0b-5f64-9a57-0c7e1b2d3f40', providerId: 'sora', extra: 1 };
    const atLeast = { stream: 's', revision: 1, position: '0'.repeat(20) };
    const data = JSON.parse(JSON.stringify({ ...request, atLeast: { ...atLeast, extra: 1 } }).replace('{', '{"__proto__":{"polluted":1},')) as unknown;
    const { extra: _, ...kept } = request;
    const accepted = compileValidator(ResolveRequest)(data);
    expect({ ...accepted, atLeast: { ...accepted.atLeast } }).toEqual({ ...kept, atLeast });
    expect(accepted).not.toHaveProperty('polluted');
  });

  it('can be made of any flat class, and says so where it cannot', () => {
    expect(compileValidator(ReleaseRequest)).toBeInstanceOf(Function);
    expect(() => compileValidator(RegisterAssetRequest)).toThrow('cannot be compiled');
  });
});
