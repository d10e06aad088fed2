import { SUBJECTS, type LoseOriginAnswer } from '@ferry/contracts';
import { assetStream } from '@ferry/domain/asset/events';
import { CatalogUnderTest, newId, video } from '../../testing/catalog-under-test';

const OWNER = 'keeper';

describe('losing an origin', () => {
  let catalog: CatalogUnderTest;

  beforeAll(async () => {
    catalog = await CatalogUnderTest.start();
  }, 60_000);
  afterAll(() => catalog?.stop(), 30_000);

  const registered = async () => {
    const forms = { id: newId(), idType: 'video' };
    const { assetId } = await catalog.register(OWNER, video(forms));
    return { assetId, forms };
  };
  const lose = (assetId: string, seen: object, { owner = OWNER, commandId = newId() } = {}) =>
    catalog.ask<LoseOriginAnswer>(SUBJECTS.catalog.loseOrigin, owner, { commandId, assetId, seen, reason: 'gone', reported: 'Kim saw an error' });
  const types = async (assetId: string) => (await catalog.store.read(assetStream(assetId))).map(({ type }) => type);

  it('is an event once, that the answer and the asset tell', async () => {
    const { assetId, forms } = await registered();
    const commandId = newId();
    const [first, again] = [await lose(assetId, { forms }, { commandId }), await lose(assetId, { forms }, { commandId })];
    expect([first, again]).toEqual([{ lost: true, token: first.token }, { lost: true, token: first.token }]);
    expect(await lose(assetId, { forms })).toMatchObject({ lost: true });
    expect(await types(assetId)).toEqual(['AssetRegistered', 'AssetOriginLost']);
    expect((await catalog.store.read(assetStream(assetId)))[1]).toMatchObject({ data: { reason: 'gone', personal: { reason: 'Kim saw an error' } }, metadata: { owner: OWNER } });
    expect(await catalog.get(OWNER, assetId, first.token)).toMatchObject({ status: 'origin-lost' });
  });

  it('leaves an origin alone that was refreshed since it was seen', async () => {
    const { assetId, forms } = await registered();
    await catalog.register(OWNER, video({ ...forms, url: 'https://media.example/fresh.mp4' }));
    expect(await lose(assetId, { forms })).toMatchObject({ lost: false });
    expect(await types(assetId)).toEqual(['AssetRegistered', 'AssetOriginRefreshed']);
  });

  it("does not tell another owner's asset from none, and wants to know which origin was seen", async () => {
    const { assetId, forms } = await registered();
    await expect(lose(assetId, { forms }, { owner: 'thief' })).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    await expect(lose(assetId, {})).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await types(assetId)).toEqual(['AssetRegistered']);
  });
});
