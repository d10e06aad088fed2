import {
  AssetCommandRequest,
  AssetRequest,
  CacheForecastRequest,
  CacheStatisticsRequest,
  CapturesRequest,
  CheckReferenceRequest,
  HistoryRequest,
  InvalidateReferenceRequest,
  LineageGraphRequest,
  LinkParentRequest,
  ListAssetsRequest,
  ListTransfersRequest,
  ListWarmingsRequest,
  OwnedRequest,
  PlanRequest,
  providerSubjects,
  RequestWarmingRequest,
  SUBJECTS,
  TransferCommandRequest,
  TransferRequest,
  UnlinkParentRequest,
  WarmingCommandRequest,
  WarmingRequest,
} from '@ferry/contracts';
import { IsEmpty } from 'class-validator';
import { GatewayUnderTest } from './testing/gateway-under-test';

const ASSET = '11111111-1111-5111-8111-111111111111';
const PARENT = '33333333-3333-5333-8333-333333333333';
const TRANSFER = '22222222-2222-5222-8222-222222222222-1';
const TOKEN = { stream: `asset-${ASSET}`, revision: 3, position: '00000000000000000042' };
const WARMING = '44444444-4444-5444-8444-444444444444';
const OWNED = { owner: 'alice', actor: 'alice-laptop' };
const COMMAND = { ...OWNED, commandId: 'mine' };
const LINK = { parentAssetId: PARENT, relationType: 'source', operationType: 'image-to-video' };

/** A description needs no request. */
class NoRequest {
  @IsEmpty() owner?: string;
}

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
});
afterEach(() => {
  gateway.asked.length = 0;
});
afterAll(() => gateway.stop());

interface Row {
  call: [method: string, path: string, body?: object];
  subject: string;
  type: new () => object;
  sends: object;
}

const asset = `/v1/assets/${ASSET}`;
const queries: Row[] = [
  { call: ['GET', '/v1/assets'], subject: SUBJECTS.catalog.list, type: ListAssetsRequest, sends: { ...OWNED, limit: 50 } },
  { call: ['GET', '/v1/assets?limit=2&cursor=abc'], subject: SUBJECTS.catalog.list, type: ListAssetsRequest, sends: { ...OWNED, limit: 2, cursor: 'abc' } },
  { call: ['GET', `${asset}/history`], subject: SUBJECTS.catalog.history, type: HistoryRequest, sends: { ...OWNED, assetId: ASSET } },
  {
    call: ['GET', `${asset}/history?at=2026-01-01T00:00:00.000Z`],
    subject: SUBJECTS.catalog.history,
    type: HistoryRequest,
    sends: { ...OWNED, assetId: ASSET, at: '2026-01-01T00:00:00.000Z' },
  },
  { call: ['GET', `${asset}/lineage`], subject: SUBJECTS.lineage.graph, type: LineageGraphRequest, sends: { ...OWNED, assetId: ASSET, direction: 'both', depth: 10 } },
  {
    call: ['GET', `${asset}/lineage?direction=ancestors&depth=2`],
    subject: SUBJECTS.lineage.graph,
    type: LineageGraphRequest,
    sends: { ...OWNED, assetId: ASSET, direction: 'ancestors', depth: 2 },
  },
  { call: ['GET', `/v1/transfers?assetId=${ASSET}`], subject: SUBJECTS.transfer.list, type: ListTransfersRequest, sends: { ...OWNED, assetId: ASSET, limit: 50 } },
  { call: ['GET', `/v1/transfers/${TRANSFER}`], subject: SUBJECTS.transfer.get, type: TransferRequest, sends: { ...OWNED, transferId: TRANSFER } },
  {
    call: ['GET', `${asset}/provider-urls/sora/plan?use=character&minRemainingTtl=60`],
    subject: SUBJECTS.transfer.plan,
    type: PlanRequest,
    sends: { ...OWNED, assetId: ASSET, providerId: 'sora', use: 'character', minRemainingTtl: 60 },
  },
  { call: ['GET', '/v1/cache/captures?limit=2'], subject: SUBJECTS.transfer.captures, type: CapturesRequest, sends: { ...OWNED, limit: 2 } },
  { call: ['GET', '/v1/cache/warmings'], subject: SUBJECTS.transfer.listWarmings, type: ListWarmingsRequest, sends: { ...OWNED, limit: 50 } },
  { call: ['GET', `/v1/cache/warmings/${WARMING}`], subject: SUBJECTS.transfer.getWarming, type: WarmingRequest, sends: { ...OWNED, warmingId: WARMING } },
  { call: ['GET', '/v1/cache/statistics'], subject: SUBJECTS.cache.statistics, type: CacheStatisticsRequest, sends: { ...OWNED, admin: true } },
  { call: ['GET', '/v1/cache/forecast?days=2'], subject: SUBJECTS.cache.forecast, type: CacheForecastRequest, sends: { ...OWNED, days: 2 } },
  { call: ['GET', '/v1/cache/usage'], subject: SUBJECTS.cache.usage, type: OwnedRequest, sends: OWNED },
];

const commands: (Row & { status: number })[] = [
  { call: ['PUT', `/v1/cache/${ASSET}/pin`], subject: SUBJECTS.cache.pin, type: AssetCommandRequest, sends: { ...COMMAND, assetId: ASSET }, status: 200 },
  { call: ['DELETE', `/v1/cache/${ASSET}/pin`], subject: SUBJECTS.cache.unpin, type: AssetCommandRequest, sends: { ...COMMAND, assetId: ASSET }, status: 200 },
  { call: ['POST', `/v1/cache/${ASSET}/release`], subject: SUBJECTS.cache.releaseLastCopy, type: AssetCommandRequest, sends: { ...COMMAND, assetId: ASSET }, status: 200 },
  { call: ['DELETE', `/v1/cache/warmings/${WARMING}`], subject: SUBJECTS.transfer.cancelWarming, type: WarmingCommandRequest, sends: { ...COMMAND, warmingId: WARMING }, status: 200 },
  { call: ['DELETE', asset], subject: SUBJECTS.catalog.remove, type: AssetCommandRequest, sends: { ...COMMAND, assetId: ASSET }, status: 200 },
  { call: ['POST', `${asset}/parents`, LINK], subject: SUBJECTS.lineage.link, type: LinkParentRequest, sends: { ...COMMAND, assetId: ASSET, parent: LINK }, status: 200 },
  {
    call: ['DELETE', `${asset}/parents?parentAssetId=${PARENT}&relationType=source`],
    subject: SUBJECTS.lineage.unlink,
    type: UnlinkParentRequest,
    sends: { ...COMMAND, assetId: ASSET, parentAssetId: PARENT, relationType: 'source' },
    status: 200,
  },
  {
    call: ['POST', `${asset}/provider-urls/sora/invalidate`, { referenceId: TRANSFER, reason: 'gone' }],
    subject: SUBJECTS.transfer.invalidate,
    type: InvalidateReferenceRequest,
    sends: { ...COMMAND, assetId: ASSET, providerId: 'sora', referenceId: TRANSFER, reason: 'gone' },
    status: 200,
  },
  {
    call: ['POST', `${asset}/provider-urls/pixverse/invalidate`, { referenceId: ASSET, reason: 'its own is gone' }],
    subject: SUBJECTS.transfer.invalidate,
    type: InvalidateReferenceRequest,
    sends: { ...COMMAND, assetId: ASSET, providerId: 'pixverse', referenceId: ASSET, reason: 'its own is gone' },
    status: 200,
  },
  {
    call: ['POST', `${asset}/provider-urls/sora/check`, { referenceId: TRANSFER }],
    subject: SUBJECTS.transfer.check,
    type: CheckReferenceRequest,
    sends: { ...COMMAND, assetId: ASSET, providerId: 'sora', referenceId: TRANSFER },
    status: 200,
  },
  { call: ['POST', `/v1/transfers/${TRANSFER}/retry`], subject: SUBJECTS.transfer.retry, type: TransferCommandRequest, sends: { ...COMMAND, transferId: TRANSFER }, status: 202 },
  { call: ['POST', `/v1/transfers/${TRANSFER}/cancel`], subject: SUBJECTS.transfer.cancel, type: TransferCommandRequest, sends: { ...COMMAND, transferId: TRANSFER }, status: 200 },
];

const named = <R extends Row>(rows: readonly R[]): [string, R][] => rows.map((row) => [`${row.call[0]} ${row.call[1]}`, row]);

it.each(named(queries))('%s asks what the contract says and passes the answer on', async (_, { call: [method, path], subject, type, sends }) => {
  const listener = await gateway.answer(subject, type, () => ({ the: 'answer' }));
  const response = await gateway.call(method, path);
  listener.close();
  expect([response.status, await response.json()]).toEqual([200, { the: 'answer' }]);
  expect(gateway.requests(subject)).toEqual([sends]);
});

it.each(named(commands))('%s commands what the contract says and answers with the token', async (_, { call, subject, type, sends, status }) => {
  const [method, path, body] = call;
  const listener = await gateway.answer(subject, type, () => ({ transferId: `${TRANSFER}0`, token: TOKEN }));
  const response = await gateway.call(method, path, { headers: { 'idempotency-key': 'mine' }, ...(body ? { body } : {}) });
  listener.close();
  expect([response.status, await response.json()]).toEqual([status, { transferId: `${TRANSFER}0`, token: TOKEN }]);
  expect(JSON.parse(Buffer.from(response.headers.get('ferry-token')!, 'base64url').toString())).toEqual(TOKEN);
  expect(response.headers.get('location')).toBe(status === 202 ? `/v1/transfers/${TRANSFER}0` : null);
  expect(gateway.requests(subject)).toEqual([sends]);
});

it.each([
  ['a list', { assetIds: [ASSET, PARENT] }],
  ['what an asset was made from', { inputsOf: ASSET }],
  ['the most used', { mostUsed: 20 }],
])('begins a warming of %s', async (_, wish) => {
  const listener = await gateway.answer(SUBJECTS.transfer.requestWarming, RequestWarmingRequest, () => ({ warmingId: WARMING, status: 'running', total: 2, token: TOKEN }));
  const response = await gateway.call('POST', '/v1/cache/warmings', { headers: { 'idempotency-key': 'mine' }, body: wish });
  listener.close();
  expect([response.status, response.headers.get('location')]).toEqual([202, `/v1/cache/warmings/${WARMING}`]);
  expect(gateway.requests(SUBJECTS.transfer.requestWarming)).toEqual([{ ...COMMAND, wish }]);
});

it.each([
  ['too long a list', { assetIds: Array.from({ length: 1_001 }, () => ASSET) }],
  ['what is no asset id', { assetIds: ['a'] }],
  ['a list without assets', { assetIds: [] }],
  ['an unknown rule', { newest: 3 }],
  ['none of the most used', { mostUsed: 0 }],
])('refuses a warming of %s', async (_, wish) => {
  const response = await gateway.call('POST', '/v1/cache/warmings', { body: wish });
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'VALIDATION_FAILED']);
});

it('takes a POST without fields, with the type of JSON or without', async () => {
  const listener = await gateway.answer(SUBJECTS.transfer.cancel, TransferCommandRequest, () => ({}));
  expect((await gateway.call('POST', `/v1/transfers/${TRANSFER}/cancel`, { body: '' })).status).toBe(200);
  listener.close();
});

it('composes where an asset was used', async () => {
  const providerUrls = [{ referenceId: TRANSFER, providerId: 'sora', accountId: 'sora-main', variant: 'character', forms: { id: 'c' } }];
  const edges = [{ ...LINK, parentAssetId: ASSET, childAssetId: PARENT, sequenceOrder: 0 }];
  const listeners = [
    await gateway.answer(SUBJECTS.catalog.get, AssetRequest, () => ({ assetId: ASSET, providerUrls })),
    await gateway.answer(SUBJECTS.lineage.graph, LineageGraphRequest, () => ({ assetId: ASSET, edges })),
  ];
  expect(await (await gateway.call('GET', `${asset}/uses`)).json()).toEqual({ assetId: ASSET, children: edges, providerUrls });
  expect(await (await gateway.call('GET', `${asset}/provider-urls`)).json()).toEqual({ items: providerUrls });
  listeners.forEach((listener) => listener.close());
  expect(gateway.requests(SUBJECTS.lineage.graph)).toEqual([{ ...OWNED, assetId: ASSET, direction: 'descendants', depth: 1 }]);
});

it('lists the providers of the deployment, also one that is away', async () => {
  const listener = await gateway.answer(providerSubjects('sora').describe, NoRequest, () => ({ providerId: 'sora', displayName: 'Sora', variants: [] }));
  const sora = { available: true, providerId: 'sora', displayName: 'Sora', variants: [] };
  const pixverse = { available: false, providerId: 'pixverse' };
  expect(await (await gateway.call('GET', '/v1/providers')).json()).toEqual({ items: [pixverse, sora] });
  expect(await (await gateway.call('GET', '/v1/providers/sora')).json()).toEqual(sora);
  listener.close();
  const unknown = await gateway.call('GET', '/v1/providers/other');
  expect([unknown.status, ((await unknown.json()) as { code: string }).code]).toEqual([404, 'UNKNOWN_PROVIDER']);
});
