import { assetStream } from '@ferry/domain/asset/events';
import { assetIdOf } from '@ferry/kernel';
import { CatalogUnderTest, newId, video } from '../../testing/catalog-under-test';

let catalog: CatalogUnderTest;
beforeAll(async () => {
  catalog = await CatalogUnderTest.start({ replicas: 2 });
});
afterAll(() => catalog?.stop());

const eventsOf = async (assetId: string) => (await catalog.store.read(assetStream(assetId))).map(({ type }) => type);

describe('registering an origin', () => {
  it('gives the id that owner, account and origin derive, and writes one event with the story of the call', async () => {
    const id = newId();
    const url = `https://Media.Example:443/${id}.mp4?auth_key=1&size=2`;
    const asset = video({ id, idType: 'video', url }, { personal: { filename: 'cat.mp4', prompt: 'a cat' }, declared: { sizeBytes: 5 } });
    const { assetId, created, token } = await catalog.register('ann', asset, { commandId: 'first' });
    expect(created).toBe(true);
    expect(assetId).toBe(assetIdOf({ owner: 'ann', providerId: 'pixverse', accountId: 'main', originKey: `id:video:${id}`, life: 1 }));
    const events = await catalog.store.read(assetStream(assetId));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: 'AssetRegistered', revision: 0, position: token.position });
    expect(events[0]!.data).toEqual({
      life: 1,
      kind: 'video',
      capture: 'onDemand',
      origin: { providerId: 'pixverse', accountId: 'main', forms: { id, idType: 'video', url } },
      declared: { sizeBytes: 5 },
      personal: { filename: 'cat.mp4', prompt: 'a cat' },
    });
    expect(events[0]!.metadata).toMatchObject({ owner: 'ann', actor: 'spec', commandId: 'first' });
  });

  it('again, or with the same command, gives the same asset and writes nothing', async () => {
    const asset = video();
    const first = await catalog.register('ann', asset, { commandId: 'twice' });
    expect(await catalog.register('ann', asset, { commandId: 'twice' })).toEqual({ ...first, created: false });
    expect(await catalog.register('ann', asset)).toEqual({ ...first, created: false });
    expect(await eventsOf(first.assetId)).toEqual(['AssetRegistered']);
  });

  it('by many at once at two replicas makes one asset', async () => {
    const asset = video();
    const answers = await Promise.all(Array.from({ length: 12 }, () => catalog.register('ann', asset)));
    expect(new Set(answers.map(({ assetId }) => assetId)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(await eventsOf(answers[0]!.assetId)).toEqual(['AssetRegistered']);
  });

  it('with more forms appends them to the asset that one of them names', async () => {
    const url = `https://media.example/${newId()}.mp4`;
    const { assetId } = await catalog.register('ann', video({ url: `${url}?Signature=old` }));
    const id = newId();
    const again = await catalog.register('ann', video({ id, idType: 'video', url: `${url}?Signature=new` }));
    expect(again).toMatchObject({ assetId, created: false });
    expect(await eventsOf(assetId)).toEqual(['AssetRegistered', 'AssetOriginRefreshed']);
    const { origin } = await catalog.get('ann', assetId, again.token);
    expect(origin.forms).toEqual({ id, idType: 'video', url: `${url}?Signature=new` });
  });

  it('of a deleted asset starts its next life; a late repeat of the first command does not', async () => {
    const asset = video();
    const first = await catalog.register('ann', asset, { commandId: 'life-1' });
    await catalog.remove('ann', first.assetId);
    expect(await catalog.register('ann', asset, { commandId: 'life-1' })).toEqual({ ...first, created: false });
    const second = await catalog.register('ann', asset, { commandId: 'life-2' });
    expect(second.created).toBe(true);
    expect(second.assetId).not.toBe(first.assetId);
    expect((await catalog.store.read(assetStream(second.assetId)))[0]!.data).toMatchObject({ life: 2 });
    expect(await catalog.register('ann', asset)).toEqual({ ...second, created: false });
    expect(await eventsOf(first.assetId)).toEqual(['AssetRegistered', 'AssetDeleted']);
  });

  it('is another asset for another owner, account or kind of id', async () => {
    const id = newId();
    const asset = video({ id, idType: 'video' });
    const answers = [
      await catalog.register('ann', asset),
      await catalog.register('bob', asset),
      await catalog.register('ann', { ...asset, origin: { ...asset.origin, accountId: 'pool' } }, { admin: true }),
      await catalog.register('ann', video({ id, idType: 'image' })),
    ];
    expect(answers.map(({ created }) => created)).toEqual([true, true, true, true]);
    expect(new Set(answers.map(({ assetId }) => assetId)).size).toBe(4);
  });

  it.each([
    ['an end that is given', { providerId: 'pixverse', expiresAt: '2030-01-01T00:00:00Z' }, undefined, 'beforeExpiry'],
    ['an end that the provider is known for', { providerId: 'fleeting' }, undefined, 'beforeExpiry'],
    ['no known end', { providerId: 'pixverse' }, undefined, 'onDemand'],
    ['a choice of the client', { providerId: 'fleeting' }, 'now' as const, 'now'],
  ])('with %s is captured accordingly', async (_, origin, capture, expected) => {
    const asset = { ...video(), capture };
    const { assetId, token } = await catalog.register('ann', { ...asset, origin: { ...asset.origin, ...origin } });
    expect((await catalog.get('ann', assetId, token)).capture).toBe(expected);
  });
});

describe('a registration is refused', () => {
  const at = (providerId: string, accountId?: string) => ({ ...video(), origin: { providerId, accountId, forms: { id: '1', idType: 'video' } } });

  it.each([
    ['at a provider that is not configured', at('nowhere'), 'UNKNOWN_PROVIDER', 'not-found'],
    ['at Ferry itself', at('local'), 'UNSUPPORTED', 'unsupported'],
    ['with an account that is not the owner’s', at('pixverse', 'other'), 'UNKNOWN_ACCOUNT', 'not-found'],
    ['on a shared account without the admin scope', at('pixverse', 'pool'), 'SHARED_ACCOUNT_ADMIN_ONLY', 'forbidden'],
    ['where the adapter does not answer', at('silent'), 'PROVIDER_UNAVAILABLE', 'unavailable'],
    ['with an id space that the provider has not', video({ id: '1', idType: 'file' }), 'UNKNOWN_ID_TYPE', 'invalid'],
    ['with an id but no id space', video({ id: '1' }), 'VALIDATION_FAILED', 'invalid'],
    ['with an inline form', video({ id: '1', idType: 'video', inline: 'x' }), 'VALIDATION_FAILED', 'invalid'],
    ['without a form', video({}), 'ORIGIN_FORMS_REQUIRED', 'invalid'],
    ['with a link that is none', video({ url: 'file:///etc/passwd' }), 'VALIDATION_FAILED', 'invalid'],
    ['with facts of another kind', video(undefined, { declared: { kind: 'audio' } }), 'VALIDATION_FAILED', 'invalid'],
  ])('%s', async (_, asset, code, category) => {
    await expect(catalog.register('ann', asset)).rejects.toMatchObject({ code, category });
  });

  it('where several accounts fit and none is the default', async () => {
    await expect(catalog.register('two', video())).rejects.toMatchObject({ code: 'ACCOUNT_REQUIRED', category: 'invalid' });
  });

  it('where a parent is missing or another owner’s, and names all of them', async () => {
    const [mine, theirs] = [await catalog.register('ann', video()), await catalog.register('bob', video())];
    const nowhere = newId();
    const parents = [mine.assetId, theirs.assetId, nowhere].map((parentAssetId) => ({ parentAssetId, relationType: 'source', operationType: 'edit' }));
    const asset = video(undefined, { parents });
    await expect(catalog.register('ann', asset)).rejects.toMatchObject({
      code: 'UNKNOWN_PARENT',
      category: 'not-found',
      details: { parentAssetIds: [theirs.assetId, nowhere] },
    });
  });

  it('where a known asset is given other parents or another kind', async () => {
    const parent = await catalog.register('ann', video());
    const asset = video();
    const { assetId } = await catalog.register('ann', asset);
    const parents = [{ parentAssetId: parent.assetId, relationType: 'source', operationType: 'edit' }];
    await expect(catalog.register('ann', { ...asset, parents })).rejects.toMatchObject({ code: 'PARENTS_DIFFER', category: 'conflict', details: { assetId } });
    await expect(catalog.register('ann', { ...asset, kind: 'audio' })).rejects.toMatchObject({ code: 'ASSET_KIND_DIFFERS', category: 'conflict' });
  });
});
