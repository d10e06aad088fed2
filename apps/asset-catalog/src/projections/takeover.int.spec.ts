import { SUBJECTS } from '@ferry/contracts';
import { ReadModels } from '@ferry/read-models';
import { createLogger } from '@ferry/observability';
import { startService, type Service } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import { CATALOG_ENV, CatalogUnderTest, video } from '../testing/catalog-under-test';
import { randomUUID } from 'node:crypto';
import { assets } from './assets.projection';

const TAKEN_OVER_MS = 15_000;
/** Its own: a server that the environment names holds the assets of others too. */
const OWNER = `owner-${randomUUID()}`;
let catalog: CatalogUnderTest;
let models: ReadModels;
let successor: Service | undefined;

beforeAll(async () => {
  catalog = await CatalogUnderTest.start();
  models = ReadModels.connect({ url: catalog.servers.urls.MONGODB_URL, logger: createLogger('takeover-spec') });
});

afterAll(async () => {
  if (catalog) process.kill(catalog.services[0]!.pid, 'SIGCONT');
  await successor?.stop();
  await models?.close();
  await catalog?.stop();
});

/** The read model itself: a request might be given to the replica that is frozen. */
const documents = () => models.collection(assets).find({ owner: OWNER }).sort({ _id: 1 }).toArray();
const visible = (count: number) => eventually(async () => expect((await documents()).length).toBeGreaterThanOrEqual(count), { timeoutMs: TAKEN_OVER_MS });
const registerMany = (count: number) => Promise.all(Array.from({ length: count }, () => catalog.register(OWNER, video())));

it('a frozen replica’s projections are taken over, and its late writes change nothing when it wakes', async () => {
  const [frozen] = catalog.services;
  await registerMany(5);
  await visible(5);
  const holdersBefore = await models.db.collection('_leases').distinct('holder');
  expect(holdersBefore).toHaveLength(1);
  // Those that the frozen replica answers too late are registered all the same.
  const underWay = Promise.allSettled(Array.from({ length: 10 }, () => catalog.register(OWNER, video())));
  await visible(6);
  process.kill(frozen!.pid, 'SIGSTOP');
  successor = await startService('asset-catalog', catalog.servers, CATALOG_ENV);
  await eventually(async () => expect(await models.db.collection('_leases').distinct('holder')).not.toContain(holdersBefore[0]), { timeoutMs: TAKEN_OVER_MS });
  process.kill(frozen!.pid, 'SIGCONT');
  await underWay;
  await registerMany(5);
  await visible(20);
  const before = await documents();
  await catalog.bus.request(SUBJECTS.catalog.rebuild, { owner: OWNER, actor: 'spec' }, { timeoutMs: 20_000 });
  expect(await documents()).toEqual(before);
});
