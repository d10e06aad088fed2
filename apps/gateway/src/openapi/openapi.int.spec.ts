import { GatewayUnderTest } from '../testing/gateway-under-test';

interface Operation {
  operationId: string;
  summary?: string;
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema?: Record<string, unknown> }[];
  requestBody?: { content: Record<string, { schema: Record<string, unknown> }> };
  responses: Record<string, { description: string; content?: object }>;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, unknown>; required?: string[] }> };
}

let gateway: GatewayUnderTest;
let document: Document;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  document = (await (await gateway.call('GET', '/openapi.json', { key: '' })).json()) as Document;
});
afterAll(() => gateway.stop());

const operations = () => Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));

it('is OpenAPI 3.1 and knows every route', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort()).toEqual([
    'DELETE /v1/assets/{assetId}',
    'DELETE /v1/assets/{assetId}/parents',
    'DELETE /v1/cache/warmings/{warmingId}',
    'DELETE /v1/cache/{assetId}/pin',
    'GET /v1/assets',
    'GET /v1/assets/{assetId}',
    'GET /v1/assets/{assetId}/content',
    'GET /v1/assets/{assetId}/history',
    'GET /v1/assets/{assetId}/lineage',
    'GET /v1/assets/{assetId}/provider-urls',
    'GET /v1/assets/{assetId}/provider-urls/{providerId}/plan',
    'GET /v1/assets/{assetId}/uses',
    'GET /v1/cache/captures',
    'GET /v1/cache/forecast',
    'GET /v1/cache/statistics',
    'GET /v1/cache/usage',
    'GET /v1/cache/warmings',
    'GET /v1/cache/warmings/{warmingId}',
    'GET /v1/providers',
    'GET /v1/providers/{providerId}',
    'GET /v1/transfers',
    'GET /v1/transfers/{transferId}',
    'HEAD /v1/assets/{assetId}/content',
    'POST /v1/assets',
    'POST /v1/assets/{assetId}/parents',
    'POST /v1/assets/{assetId}/provider-urls/{providerId}/check',
    'POST /v1/assets/{assetId}/provider-urls/{providerId}/invalidate',
    'POST /v1/cache/warmings',
    'POST /v1/cache/{assetId}/release',
    'POST /v1/transfers/{transferId}/cancel',
    'POST /v1/transfers/{transferId}/retry',
    'PUT /v1/assets/{assetId}/provider-urls/{providerId}',
    'PUT /v1/cache/{assetId}/pin',
  ]);
});

it('says of every route what it needs, answers and refuses', () => {
  expect(new Set(operations().map(({ operation }) => operation.operationId)).size).toBe(operations().length);
  for (const { path, operation } of operations()) {
    expect(operation.summary).toEqual(expect.any(String));
    expect(operation.security).toEqual([{ bearer: [] }]);
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['400', '401', '503', '504']));
    expect(operation.responses['401']!.description).toBe('`UNAUTHENTICATED`');
    const inPath = operation.parameters!.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`);
    expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? []);
  }
});

it('has no reference that leads nowhere', () => {
  const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!);
  expect(new Set(names).size).toBeGreaterThan(15);
  expect(names.filter((name) => !document.components.schemas[name])).toEqual([]);
});

it('tells of bodies and queries what is validated', () => {
  const { RegisterAssetBody, OriginDto, ParentLinkDto } = document.components.schemas;
  expect(RegisterAssetBody!.required).toEqual(['kind', 'origin']);
  expect(RegisterAssetBody!.properties).toMatchObject({
    kind: { type: 'string', enum: ['video', 'image', 'audio'] },
    parents: { type: 'array', maxItems: 100, items: { $ref: '#/components/schemas/ParentLinkDto' } },
  });
  expect(OriginDto!.required).toEqual(['providerId', 'forms']);
  expect(ParentLinkDto!.properties).toMatchObject({ influenceWeight: { type: 'number', minimum: 0, maximum: 1 } });
  const { parameters } = document.paths['/v1/assets/{assetId}/lineage']!['get']!;
  expect(parameters).toEqual(
    expect.arrayContaining([
      { name: 'direction', in: 'query', required: false, schema: { type: 'string', enum: ['ancestors', 'descendants', 'both'], default: 'both' } },
      { name: 'depth', in: 'query', required: false, schema: { type: 'integer', minimum: 1, maximum: 50, default: 10 } },
    ]),
  );
});

it('shows itself at /docs', async () => {
  const response = await gateway.call('GET', '/docs', { key: '' });
  expect(response.headers.get('content-type')).toContain('text/html');
  expect(await response.text()).toContain('swagger-ui');
  expect((await gateway.call('GET', '/docs/swagger-ui-bundle.js', { key: '' })).status).toBe(200);
});
