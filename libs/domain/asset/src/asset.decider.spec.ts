import { deciderSpec } from '@ferry/testing/specs';
import { assetDecider, type AssetCommand, type RegisterAsset } from './asset.decider';
import type { AssetEvent, Origin } from './asset.events';

const { given } = deciderSpec(assetDecider);

const ASSET_ID = '5d1c9a52-3a0b-5f64-9a57-0c7e1b2d3f40';
const ENDS = '2026-02-01T00:00:00.000Z';
const LATER = '2026-02-02T00:00:00.000Z';
const link = (signature: number) => `https://media.example/v.mp4?sig=${signature}`;
const origin: Origin = { providerId: 'pixverse', accountId: 'main', forms: { id: '123', idType: 'video', url: link(1) }, expiresAt: ENDS };
const content = { sha256: 'a'.repeat(64), sizeBytes: 10, mimeType: 'video/mp4', kind: 'video', durationSeconds: 3 } as const;

type CommandOf<T extends AssetCommand['type']> = Extract<AssetCommand, { type: T }>;
const command = <T extends AssetCommand['type']>(type: T, data: CommandOf<T>['data']) =>
  ({ type, data, metadata: { now: '2026-01-05T10:00:00.000Z' } }) as CommandOf<T>;
const register = (change: Partial<RegisterAsset['data']> = {}) =>
  command('RegisterAsset', { assetId: ASSET_ID, life: 1, origin, kind: 'video', capture: 'beforeExpiry', ...change });
const registerForms = (forms: Origin['forms'], expiresAt?: string) => register({ origin: { ...origin, forms, expiresAt } });
const verify = (change: object = {}) => command('VerifyContent', { ...content, ...change });
const remove = command('DeleteAsset', {});

const registered: AssetEvent = { type: 'AssetRegistered', data: { life: 1, origin, kind: 'video', capture: 'beforeExpiry' } };
const verified: AssetEvent = { type: 'AssetContentVerified', data: content };
const lost: AssetEvent = { type: 'AssetOriginLost', data: { reason: 'it answered 404' } };
const deleted: AssetEvent = { type: 'AssetDeleted', data: {} };
const refreshed = (forms: Origin['forms'], expiresAt?: string): AssetEvent => ({
  type: 'AssetOriginRefreshed',
  data: { forms, ...(expiresAt && { expiresAt }) },
});

describe('RegisterAsset', () => {
  it('registers with all that is known, and without fields that are not', () => {
    given().when(register({ declared: undefined })).then(registered);
    const more = {
      declared: { sizeBytes: 10 },
      parents: [{ parentAssetId: 'p', relationType: 'source', operationType: 'extend' }],
      generation: { model: 'v5', jobId: '9', outputIndex: 0, seed: '7' },
      personal: { filename: 'Anna.mp4', prompt: 'A street' },
    };
    const state = given().when(register(more)).then({ type: 'AssetRegistered', data: { ...registered.data, ...more } } as AssetEvent);
    expect(state).not.toHaveProperty('personal');
  });

  it('is quiet about the same again', () => {
    given(registered).when(register()).thenNothing();
    given(registered).when(registerForms({ id: '123', idType: 'video' })).thenNothing();
    given(registered).when(registerForms({ url: link(1) }, '2026-02-01T01:00:00+01:00')).thenNothing();
  });

  it('adds new forms and takes the fresher link', () => {
    given(registered)
      .when(registerForms({ uri: 'pixverse://123', url: link(2) }, LATER))
      .then(refreshed({ id: '123', idType: 'video', uri: 'pixverse://123', url: link(2) }, LATER));
  });

  it('notes a later end, and none that is earlier', () => {
    given(registered).when(registerForms(origin.forms, LATER)).then(refreshed(origin.forms, LATER));
    given(registered).when(registerForms({ ...origin.forms, url: link(0) }, '2026-01-31T00:00:00Z')).thenNothing();
  });

  it('adds a form that it lacks also from an older registration', () => {
    given(registered)
      .when(registerForms({ uri: 'pixverse://123', url: link(0) }, '2026-01-31T00:00:00Z'))
      .then(refreshed({ ...origin.forms, uri: 'pixverse://123' }, ENDS));
  });

  it('keeps the id and uri that it was born with', () => {
    given(registered).when(registerForms({ id: '456', idType: 'media', url: link(1) })).thenNothing();
    const withUri = refreshed({ ...origin.forms, uri: 'pixverse://123' }, ENDS);
    given(registered, withUri).when(registerForms({ uri: 'pixverse://456' })).thenNothing();
  });

  it('takes an id where it had none', () => {
    const byLink: AssetEvent = { type: 'AssetRegistered', data: { ...registered.data, origin: { ...origin, forms: { url: link(1) } } } };
    given(byLink).when(registerForms({ id: '123', idType: 'video' })).then(refreshed(origin.forms, ENDS));
  });

  it('refuses another kind', () => {
    given(registered).when(register({ kind: 'image' })).thenRefused('ASSET_KIND_DIFFERS', { assetId: ASSET_ID, kind: 'video' });
  });

  it('refuses a life that is over', () => {
    given(registered, deleted).when(register()).thenRefused('ASSET_DELETED', { assetId: ASSET_ID, life: 1 });
  });
});

describe('VerifyContent', () => {
  it('decides once what the asset is', () => {
    const state = given(registered).when(verify()).then(verified);
    expect(state).toMatchObject({ status: 'verified', content });
  });

  it('is quiet about the same content and about a deleted asset', () => {
    given(registered, verified).when(verify({ durationSeconds: undefined })).thenNothing();
    given(registered, deleted).when(verify()).thenNothing();
  });

  it('refuses other content, and an asset that is not there', () => {
    const actual = 'b'.repeat(64);
    given(registered, verified).when(verify({ sha256: actual })).thenRefused('CONTENT_CHANGED', { known: content.sha256, actual });
    given().when(verify()).thenRefused('UNKNOWN_ASSET');
  });

  it('does not take a repeated registration for another kind, whatever the bytes were', () => {
    given(registered, { type: 'AssetContentVerified', data: { ...content, kind: 'image' } }).when(register()).thenNothing();
  });
});

describe('RefreshOrigin', () => {
  const refresh = (forms: Origin['forms'], expiresAt?: string) => command('RefreshOrigin', { forms, expiresAt });

  it('takes the fresh link and its end', () => {
    given(registered, verified).when(refresh({ url: link(2) }, LATER)).then(refreshed({ ...origin.forms, url: link(2) }, LATER));
  });

  it('finds a lost origin again, also under the old forms', () => {
    const state = given(registered, lost).when(refresh(origin.forms, ENDS)).then(refreshed(origin.forms, ENDS));
    expect(state).not.toHaveProperty('originLost');
  });

  it('is quiet where nothing is new, and about a deleted asset', () => {
    given(registered).when(refresh(origin.forms, ENDS)).thenNothing();
    given(registered, deleted).when(refresh({ url: link(2) }, LATER)).thenNothing();
  });

  it('refuses an asset that is not there', () => {
    given().when(refresh({ url: link(2) })).thenRefused('UNKNOWN_ASSET');
  });
});

describe('LoseOrigin', () => {
  const seen = { forms: origin.forms, expiresAt: ENDS };
  const lose = command('LoseOrigin', { reason: 'it answered 404', seen });

  it('is noted once', () => {
    given(registered, verified).when(lose).then(lost);
    given(registered, lost).when(lose).thenNothing();
    given(registered, deleted).when(lose).thenNothing();
    given().when(lose).thenRefused('UNKNOWN_ASSET');
  });

  it('keeps what was reported apart, as it is personal', () => {
    const personal = { reason: 'Anna saw an error' };
    given(registered).when(command('LoseOrigin', { reason: 'gone', seen, personal })).then({ type: 'AssetOriginLost', data: { reason: 'gone', personal } });
  });

  it('leaves an origin alone that was refreshed since it was seen', () => {
    given(registered, refreshed({ ...origin.forms, url: link(2) }, ENDS)).when(lose).thenNothing();
    given(registered, refreshed(origin.forms, LATER)).when(lose).thenNothing();
  });
});

describe('DeleteAsset', () => {
  it('ends the life, once', () => {
    expect(given(registered, verified).when(remove).then(deleted)).toEqual({ status: 'deleted', life: 1 });
    given(registered, deleted).when(remove).thenNothing();
    given().when(remove).thenRefused('UNKNOWN_ASSET');
  });
});
