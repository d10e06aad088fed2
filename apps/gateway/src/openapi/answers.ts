import { CAPTURE_CHOICES, REFERENCE_STATES } from '@ferry/contracts';
import { MEDIA_KINDS } from '@ferry/kernel';

type Schema = Readonly<Record<string, unknown>>;

const text = { type: 'string' };
const uuid = { type: 'string', format: 'uuid' };
const runId = { type: 'string', description: 'A UUID, a hyphen and the number of the run.' };
const date = { type: 'string', format: 'date-time' };
const whole = { type: 'integer', minimum: 0 };
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const list = (name: string): Schema => ({ type: 'array', items: ref(name) });

/** Fields are required unless their name ends in `?`. */
const object = (fields: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  required: Object.keys(fields).filter((name) => !name.endsWith('?')),
  properties: Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name.replace('?', ''), schema])),
});

/** Bytes, or files, by what keeps them from being evicted. */
const heldBytes = object({ leased: whole, pinned: whole, 'last-copy': whole, evictable: whole });
const nodeUsage = { nodeId: text, maxBytes: whole, usedBytes: whole, reservedBytes: whole, files: whole, leases: whole, heldBytes, yours: heldBytes };

const LINK: Readonly<Record<string, Schema>> = {
  parentAssetId: uuid,
  relationType: text,
  operationType: text,
  'parentStartTime?': { type: 'number' },
  'parentEndTime?': { type: 'number' },
  'parentFrame?': whole,
  'influenceType?': text,
  'influenceWeight?': { type: 'number' },
  'influenceRegion?': text,
  'jobId?': text,
  'providerId?': text,
};
const FACTS = { 'width?': whole, 'height?': whole, 'durationSeconds?': { type: 'number' } };

const PLAN_STEP = {
  oneOf: [
    object({ step: { const: 'read-cached-file' }, nodeId: text, sizeBytes: whole }),
    object({ step: { const: 'download' }, providerId: text, accountId: text, 'sizeBytes?': whole, 'joins?': runId }),
    object({
      step: { const: 'upload' },
      providerId: text,
      accountId: text,
      variant: text,
      'sizeBytes?': whole,
      cutThrough: object({ possible: { type: 'boolean' }, because: text }),
    }),
  ],
};

const WARMING = {
  warmingId: uuid,
  rule: {
    oneOf: [object({ by: { const: 'list' } }), object({ by: { const: 'inputs-of' }, assetId: uuid }), object({ by: { const: 'most-used' }, count: whole })],
  },
  status: { enum: ['running', 'completed', 'cancelled'] },
  requestedAt: date,
  total: whole,
  downloaded: whole,
  cached: { ...whole, description: 'Were in the cache already.' },
  failed: whole,
  bytes: { ...whole, description: 'Of what was downloaded.' },
};

/** What the API answers. */
export const ANSWERS = {
  Problem: {
    ...object({ type: text, title: text, status: whole, detail: text, code: text, instance: text, 'details?': { type: 'object' } }),
    description: 'RFC 9457. `code` is stable; `detail` says what to do.',
  },
  Token: { ...object({ stream: text, revision: { type: 'integer' }, position: text }), description: 'Where a write stands: send it back to read your own writes.' },
  Anything: { type: 'object' },
  Content: { type: 'string', format: 'binary' },
  Done: object({ token: ref('Token') }),
  Registered: object({ assetId: uuid, created: { type: 'boolean' }, token: ref('Token') }),
  Forms: object({ 'id?': text, 'idType?': text, 'url?': text, 'uri?': text, 'inline?': text }),
  ProviderUrl: object({ referenceId: text, providerId: text, accountId: text, variant: text, forms: ref('Forms'), 'expiresAt?': date }),
  ProviderUrlList: object({ items: list('ProviderUrl') }),
  Asset: object({
    assetId: uuid,
    owner: text,
    status: { type: 'string', enum: ['registered', 'verified', 'origin-lost', 'deleted'] },
    kind: { type: 'string', enum: [...MEDIA_KINDS] },
    origin: object({ providerId: text, accountId: text, forms: ref('Forms'), 'expiresAt?': date }),
    capture: { type: 'string', enum: [...CAPTURE_CHOICES] },
    'content?': object({ sha256: text, sizeBytes: whole, mimeType: text, ...FACTS }),
    providerUrls: list('ProviderUrl'),
    'localPath?': text,
    'lastAccessedAt?': date,
    'filename?': text,
    registeredAt: date,
  }),
  AssetPage: object({ items: list('Asset'), 'nextCursor?': text }),
  HistoryEntry: object({
    at: date,
    stream: text,
    revision: whole,
    position: text,
    type: text,
    data: { type: 'object' },
    actor: text,
    correlationId: text,
  }),
  History: object({ assetId: uuid, events: list('HistoryEntry') }),
  LineageEdge: object({ childAssetId: uuid, sequenceOrder: whole, ...LINK }),
  Lineage: object({ assetId: uuid, edges: list('LineageEdge') }),
  Uses: object({ assetId: uuid, children: list('LineageEdge'), providerUrls: list('ProviderUrl') }),
  Resolved: {
    oneOf: [
      object({ status: { const: 'ready' }, routeId: uuid, reference: ref('ProviderUrl'), source: { enum: ['native', 'cached'] }, 'token?': ref('Token') }),
      object({ status: { const: 'pending' }, routeId: uuid, transferId: runId, token: ref('Token'), 'retryAfter?': date }),
    ],
  },
  ReferenceCheck: object({ referenceId: text, state: { enum: [...REFERENCE_STATES] }, 'reason?': text, invalidated: { type: 'boolean' }, 'token?': ref('Token') }),
  Plan: object({
    action: { enum: ['answer', 'join', 'transfer', 'refuse'] },
    because: text,
    accountId: text,
    'routeId?': uuid,
    'variant?': text,
    'source?': { enum: ['native', 'cached'] },
    'reference?': ref('ProviderUrl'),
    'transferId?': runId,
    'steps?': { type: 'array', items: PLAN_STEP },
    'assumedExpiry?': date,
    'unknownFacts?': { type: 'array', items: text },
    'error?': object({ code: text, message: text, 'details?': { type: 'object' } }),
    'until?': date,
  }),
  Transfer: object({
    transferId: runId,
    routeId: uuid,
    assetId: uuid,
    providerId: text,
    accountId: text,
    variant: text,
    status: { enum: ['requested', 'claimed', 'uploading', 'released', 'accepted', 'waiting', 'completed', 'failed', 'cancelled'] },
    attempt: whole,
    'reference?': ref('ProviderUrl'),
    'progress?': object({
      runId,
      step: { enum: ['preparing', 'downloading', 'uploading'] },
      attempt: whole,
      at: date,
      'bytes?': whole,
      'totalBytes?': whole,
      'bytesPerSecond?': whole,
      'etaSeconds?': { type: 'number' },
    }),
    'error?': object({ kind: text, 'message?': text, 'retryAfter?': date }),
  }),
  TransferList: object({ items: list('Transfer') }),
  TransferCommand: object({ 'transferId?': runId, 'status?': text, 'token?': ref('Token') }),
  CacheNodeUsage: object(nodeUsage),
  CacheUsage: {
    ...object({ ...nodeUsage, nodes: list('CacheNodeUsage'), silentNodes: { type: 'array', items: text } }),
    description: 'All cache nodes together, and each of them. `nodeId` is the one that answered; nothing is counted of `silentNodes`, which live and did not answer in time.',
  },
  PendingCapture: object({
    assetId: uuid,
    originEndsAt: date,
    assumed: { type: 'boolean', description: 'The end is assumed from what the provider says of its origins.' },
    status: { enum: ['waiting', 'downloading', 'skipped', 'failed'] },
    'kind?': text,
    'nextTryAt?': date,
  }),
  Captures: object({ uncaptured: whole, 'nextEndsInSeconds?': whole, items: list('PendingCapture') }),
  WarmingSummary: object(WARMING),
  WarmingList: object({ items: list('WarmingSummary') }),
  Warming: object({ ...WARMING, failures: { type: 'array', items: object({ assetId: uuid, kind: text }), description: 'At most 1,000.' } }),
  WarmingCommand: object({ warmingId: uuid, status: WARMING.status, total: whole, token: ref('Token') }),
  CacheCounts: object({
    hits: whole,
    misses: whole,
    hitBytes: whole,
    fetchedBytes: whole,
    'hitRatio?': { type: 'number' },
    'byteHitRatio?': { type: 'number' },
    evictions: { type: 'object', additionalProperties: object({ files: whole, bytes: whole }) },
  }),
  CacheNodeStatistics: object({
    nodeId: text,
    since: date,
    sinceStart: ref('CacheCounts'),
    lastHour: ref('CacheCounts'),
    lastDay: ref('CacheCounts'),
    leases: whole,
    owners: { type: 'array', items: object({ owner: text, files: heldBytes, bytes: heldBytes }) },
  }),
  CacheStatistics: object({ nodes: list('CacheNodeStatistics'), silentNodes: { type: 'array', items: text } }),
  CacheForecast: object({ nodes: list('CacheNodeForecast'), silentNodes: { type: 'array', items: text } }),
  CacheNodeForecast: object({
    nodeId: text,
    policy: text,
    days: whole,
    madeAt: date,
    sampled: { type: 'number' },
    accesses: whole,
    bytes: whole,
    budgets: {
      type: 'array',
      items: object({ factor: { type: 'number' }, maxBytes: whole, hits: whole, hitBytes: whole, hitRatio: { type: 'number' }, byteHitRatio: { type: 'number' } }),
    },
  }),
  Provider: {
    ...object({ providerId: text, available: { type: 'boolean' }, 'displayName?': text, 'variants?': { type: 'array', items: { type: 'object' } } }),
    description: 'With `available: false` the adapter does not answer now, and nothing else is known.',
  },
  ProviderList: object({ items: list('Provider') }),
} as const satisfies Readonly<Record<string, Schema>>;

export type AnswerName = keyof typeof ANSWERS;
