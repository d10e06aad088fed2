import { AssetRequest, OwnedRequest, RegisterAssetRequest, SUBJECTS } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { ALICE, BOB, GatewayUnderTest } from './testing/gateway-under-test';

const ASSET = '11111111-1111-5111-8111-111111111111';
const TOKEN = { stream: `asset-${ASSET}`, revision: 0, position: '00000000000000000042' };
const ORIGIN = { providerId: 'pixverse', forms: { id: '7', idType: 'video' } };

interface ProblemBody {
  code: string;
  status: number;
  type: string;
  title: string;
  detail: string;
  instance: string;
  details?: { errors?: string[] };
}

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  await gateway.answer(SUBJECTS.catalog.register, RegisterAssetRequest, () => ({ assetId: ASSET, created: true, token: TOKEN }));
  await gateway.answer(SUBJECTS.catalog.get, AssetRequest, ({ owner, assetId }) => {
    if (owner !== 'alice') throw new FerryError('UNKNOWN_ASSET', 'not-found', 'There is no such asset.');
    return { assetId, owner, providerUrls: [] };
  });
});
afterAll(() => gateway.stop());

const problem = async (response: Response, status: number): Promise<ProblemBody> => {
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  const body = (await response.json()) as ProblemBody;
  expect(response.status).toBe(status);
  expect(body).toMatchObject({ type: `urn:ferry:error:${body.code}`, status, title: expect.any(String), detail: expect.any(String) });
  expect(body.instance).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
  return body;
};

describe('keys', () => {
  it.each([
    ['none', ''],
    ['an unknown one', 'wrong'],
    ['a prefix of one', ALICE.slice(0, -1)],
  ])('refuses %s', async (_, key) => {
    const response = await gateway.call('GET', `/v1/assets/${ASSET}`, { key });
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="ferry"');
    expect((await problem(response, 401)).code).toBe('UNAUTHENTICATED');
  });

  it.each(['/%761/assets', '/v1/%61ssets'])('refuses the path %s, however it is written', async (path) => {
    await problem(await gateway.call('GET', path, { key: '' }), 401);
  });

  it('asks for the owner of the key alone', async () => {
    expect((await gateway.call('GET', `/v1/assets/${ASSET}`)).status).toBe(200);
    expect((await problem(await gateway.call('GET', `/v1/assets/${ASSET}`, { key: BOB }), 404)).code).toBe('UNKNOWN_ASSET');
    const [byAlice, byBob] = gateway.requests(SUBJECTS.catalog.get).slice(-2);
    expect(byAlice).toEqual({ owner: 'alice', actor: 'alice-laptop', assetId: ASSET });
    expect(byBob).toEqual({ owner: 'bob', actor: 'bob-laptop', assetId: ASSET });
  });

  it('needs none for health, metrics and the description of the API', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs']) {
      expect([path, (await gateway.call('GET', path, { key: '' })).status]).toEqual([path, 200]);
    }
    const ready = await gateway.call('GET', '/readyz', { key: '' });
    expect(await ready.json()).toMatchObject({ service: 'gateway', ok: true, checks: { nats: true } });
  });
});

describe('registering', () => {
  it('answers 201 with token and location, and says whose key it was', async () => {
    const response = await gateway.call('POST', '/v1/assets', { body: { kind: 'video', origin: ORIGIN }, headers: { 'idempotency-key': 'my-1' } });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/v1/assets/${ASSET}`);
    expect(JSON.parse(Buffer.from(response.headers.get('ferry-token')!, 'base64url').toString())).toEqual(TOKEN);
    expect(await response.json()).toEqual({ assetId: ASSET, created: true, token: TOKEN });
    expect(gateway.requests(SUBJECTS.catalog.register).at(-1)).toEqual({
      owner: 'alice',
      actor: 'alice-laptop',
      admin: true,
      commandId: 'my-1',
      asset: { kind: 'video', origin: ORIGIN },
    });
  });

  it.each([
    ['an unknown field', { kind: 'video', origin: ORIGIN, owner: 'bob' }, 'owner: property owner should not exist'],
    ['an unknown field inside', { kind: 'video', origin: { ...ORIGIN, admin: true } }, 'origin.admin: property admin should not exist'],
    ['a wrong kind', { kind: 'text', origin: ORIGIN }, 'kind: kind must be one of the following values: video, image, audio'],
    ['no origin', { kind: 'video' }, 'origin: origin must be an object'],
    ['a list for an origin', { kind: 'video', origin: [] }, 'origin: origin must be an object'],
    ['a week for an end', { kind: 'video', origin: { ...ORIGIN, expiresAt: '2026-W10' } }, 'origin.expiresAt: expiresAt must be a date with time and zone, such as 2026-01-31T12:00:00Z'],
  ])('refuses %s', async (_, body, reason) => {
    const { code, details } = await problem(await gateway.call('POST', '/v1/assets', { body }), 400);
    expect(code).toBe('VALIDATION_FAILED');
    expect(details?.errors).toContain(reason);
  });

  it('takes a signed link of 4,000 characters', async () => {
    const url = 'https://media.example.com/v.mp4?X-Amz-Security-Token='.padEnd(4_000, 'x');
    const register = async (forms: object) => (await gateway.call('POST', '/v1/assets', { body: { kind: 'video', origin: { ...ORIGIN, forms } } })).status;
    expect([await register({ url }), await register({ url: `${url}x` })]).toEqual([201, 400]);
  });

  it.each([
    ['cut off', '{"kind":'],
    ['a list', '[]'],
    ['poisoned', '{"__proto__":{"x":1}}'],
  ])('refuses JSON that is %s', async (_, body) => {
    expect((await problem(await gateway.call('POST', '/v1/assets', { body }), 400)).code).toBe('MALFORMED_JSON');
  });

  it.each([
    ['many parents', `{"kind":"video","origin":${JSON.stringify(ORIGIN)},"parents":[${'{},'.repeat(300_000)}{}]}`],
    ['deep lists', `{"kind":"video","origin":${'['.repeat(400_000)}${']'.repeat(400_000)}}`],
    ['many fields', `{"a0":1${Array.from({ length: 90_000 }, (_, index) => `,"f${index}":1`).join('')}}`],
  ])('refuses %s without looking at each', async (_, body) => {
    const started = performance.now();
    expect((await problem(await gateway.call('POST', '/v1/assets', { body }), 400)).code).toBe('VALIDATION_FAILED');
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('takes no files yet', async () => {
    const form = new FormData();
    form.set('file', new Blob(['x']), 'x.mp4');
    const response = await fetch(`${gateway.url}/v1/assets`, { method: 'POST', body: form, headers: { authorization: `Bearer ${ALICE}` } });
    expect((await problem(response, 415)).code).toBe('UNSUPPORTED');
  });

  it('refuses more than 1 MiB', async () => {
    const response = await gateway.call('POST', '/v1/assets', { body: { kind: 'x'.repeat(1_048_577) } });
    expect((await problem(response, 413)).code).toBe('BODY_TOO_LARGE');
  });

  it('refuses an Idempotency-Key that is too long', async () => {
    const headers = { 'idempotency-key': 'x'.repeat(101) };
    expect((await problem(await gateway.call('POST', '/v1/assets', { body: { kind: 'video', origin: ORIGIN }, headers }), 400)).code).toBe('VALIDATION_FAILED');
  });
});

describe('paths and queries', () => {
  it('says that a path is unknown', async () => {
    expect((await problem(await gateway.call('GET', '/v1/nothing'), 404)).code).toBe('UNKNOWN_ROUTE');
  });

  it('says which methods a path takes', async () => {
    const response = await gateway.call('PATCH', `/v1/assets/${ASSET}`);
    expect(response.headers.get('allow')).toBe('DELETE, GET, HEAD');
    expect((await problem(response, 405)).code).toBe('METHOD_NOT_ALLOWED');
  });

  it.each(['/v1/assets/not-an-id', '/v1/assets?limit=201', '/v1/assets?limit=1&limit=2', '/v1/assets?owner=bob', `/v1/transfers/${ASSET}`])(
    'refuses %s',
    async (path) => {
      expect((await problem(await gateway.call('GET', path), 400)).code).toBe('VALIDATION_FAILED');
    },
  );

  it('refuses a path that cannot be decoded', async () => {
    expect((await problem(await gateway.call('GET', '/v1/assets/%ff'), 400)).code).toBe('MALFORMED_REQUEST');
  });

  it('says that a service is away', async () => {
    expect((await problem(await gateway.call('GET', '/v1/cache/usage'), 503)).code).toBe('SERVICE_UNAVAILABLE');
  });

  it('passes the time on after which to try again', async () => {
    const listener = await gateway.answer(SUBJECTS.cache.usage, OwnedRequest, () => {
      throw new FerryError('TOO_MANY_LEASES', 'throttled', 'Later.', { retryAfterMs: 1_500 });
    });
    const response = await gateway.call('GET', '/v1/cache/usage');
    listener.close();
    expect(response.headers.get('retry-after')).toBe('2');
    expect((await problem(response, 429)).code).toBe('TOO_MANY_LEASES');
  });

  it('never tells the text of an error that is not ours', async () => {
    const listener = await gateway.answer(SUBJECTS.cache.usage, OwnedRequest, () => {
      throw new Error('secret https://host/link?X-Amz-Signature=abc');
    });
    const response = await gateway.call('GET', '/v1/cache/usage');
    listener.close();
    const body = await problem(response, 500);
    expect(body.code).toBe('INTERNAL');
    expect(JSON.stringify(body)).not.toMatch(/secret|Signature|\.ts/);
  });
});

describe('tokens', () => {
  const encoded = Buffer.from(JSON.stringify(TOKEN)).toString('base64url');

  it.each([
    ['the query', `?atLeast=${encoded}`, {}],
    ['the header', '', { 'ferry-at-least': encoded }],
  ])('are taken from %s', async (_, query, headers) => {
    expect((await gateway.call('GET', `/v1/assets/${ASSET}${query}`, { headers })).status).toBe(200);
    expect(gateway.requests(SUBJECTS.catalog.get).at(-1)).toMatchObject({ atLeast: TOKEN });
  });

  it.each(['nonsense', Buffer.from('{"stream":1}').toString('base64url'), Buffer.from('null').toString('base64url')])('are refused malformed: %s', async (text) => {
    const response = await gateway.call('GET', `/v1/assets/${ASSET}`, { headers: { 'ferry-at-least': text } });
    expect((await problem(response, 400)).code).toBe('MALFORMED_TOKEN');
  });
});
