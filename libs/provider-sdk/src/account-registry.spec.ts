import { AccountRegistry } from './account-registry';

const parse = (value: unknown) => AccountRegistry.parse('acme', JSON.stringify(value), 'ACME_ACCOUNTS');
const main = { accountId: 'main', apiKey: 'secret-1', owners: ['ann'] };

describe('AccountRegistry', () => {
  const registry = parse([
    main,
    { accountId: 'team', apiKey: 'secret-2', owners: ['ann', 'bob'], defaultFor: ['ann'] },
    { accountId: 'cat-1', apiKey: 'secret-3', owners: ['cat'] },
    { accountId: 'cat-2', apiKey: 'secret-4', owners: ['cat'] },
  ]);

  it.each([
    ['ann', 'main', { accountId: 'main', shared: false }],
    ['ann', 'team', { accountId: 'team', shared: true }],
    ['ann', undefined, { accountId: 'team', shared: true }],
    ['bob', undefined, { accountId: 'team', shared: true }],
    ['cat', 'cat-2', { accountId: 'cat-2', shared: false }],
  ])('lets %s use %s', (owner, accountId, expected) => expect(registry.authorize(owner, accountId)).toEqual(expected));

  it('answers for somebody else’s account as for one that does not exist', () => {
    const errorOf = (accountId: string): unknown => {
      try {
        return registry.authorize('bob', accountId);
      } catch (error) {
        return error;
      }
    };
    expect(errorOf('main')).toMatchObject({ code: 'UNKNOWN_ACCOUNT', category: 'not-found' });
    expect(JSON.stringify(errorOf('main'))).toBe(JSON.stringify(errorOf('nope')));
  });

  it('asks an owner with several accounts and no default for one', () => {
    expect(() => registry.authorize('cat')).toThrow(expect.objectContaining({ code: 'ACCOUNT_REQUIRED', details: { accounts: ['cat-1', 'cat-2'] } }));
    expect(() => registry.authorize('dan')).toThrow(expect.objectContaining({ code: 'UNKNOWN_ACCOUNT' }));
  });

  it('hands out the key to calls only', () => {
    expect(registry.find('ann', 'main').apiKey).toBe('secret-1');
    expect(registry.authorize('ann', 'main')).not.toHaveProperty('apiKey');
  });

  it.each([
    ['no JSON', 'secret-1 {', /ACME_ACCOUNTS is not valid JSON/],
    ['no array', '{"secret-1":1}', /must be a JSON array/],
    ['an unknown member', JSON.stringify([{ ...main, apikey: 'secret-1' }]), /account 1: apikey is missing, malformed or unknown/],
    ['no owners', JSON.stringify([{ ...main, owners: [] }]), /account 1: owners/],
    ['a malformed id', JSON.stringify([main, { ...main, accountId: 'a.b' }]), /account 2: accountId/],
    ['a key that would break a header', JSON.stringify([{ ...main, apiKey: 'secret-1\r\nX: 1' }]), /account 1: apiKey/],
    ['an account twice', JSON.stringify([main, main]), /account main is there twice/],
    ['a stranger’s default', JSON.stringify([{ ...main, defaultFor: ['bob'] }]), /the default of bob, who is none of its owners/],
    ['two defaults', JSON.stringify([{ ...main, defaultFor: ['ann'] }, { ...main, accountId: 'x', defaultFor: ['ann'] }]), /ann has two default accounts/],
  ])('refuses %s, without showing a key', (_name, json, message) => {
    const read = () => AccountRegistry.parse('acme', json, 'ACME_ACCOUNTS');
    expect(read).toThrow(message);
    expect(read).not.toThrow(/secret-1/);
  });
});
