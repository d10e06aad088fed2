import { mongoServer, type TestServer } from '@ferry/testing/servers';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import { MongoClient } from 'mongodb';
import { randomUUID } from 'node:crypto';
import { LeaseManager } from './index';

let folder: TempDir;
let server: TestServer;
let client: MongoClient;

beforeAll(async () => {
  folder = await tempDir('ferry-leases-');
  server = await mongoServer(folder.path);
  client = new MongoClient(server.url);
});

afterAll(async () => {
  await client?.close();
  await server?.stop();
  await folder?.remove();
});

const holders = () => {
  const db = client.db(`leases-${randomUUID()}`);
  return [new LeaseManager(db, 'one'), new LeaseManager(db, 'two')] as const;
};

it('gives a lease to one of many that ask at once', async () => {
  const db = client.db(`leases-${randomUUID()}`);
  const asked = await Promise.all(Array.from({ length: 8 }, (_, index) => new LeaseManager(db, `holder-${index}`).acquire('name', 60_000)));
  expect(asked.filter(Boolean)).toEqual([{ name: 'name', epoch: 1 }]);
});

it('renews the holder’s under the same epoch, and keeps names apart', async () => {
  const [one, two] = holders();
  expect(await one.acquire('a', 60_000)).toEqual({ name: 'a', epoch: 1 });
  expect(await one.acquire('a', 60_000)).toEqual({ name: 'a', epoch: 1 });
  expect(await two.acquire('a', 60_000)).toBeUndefined();
  expect(await two.acquire('b', 60_000)).toEqual({ name: 'b', epoch: 1 });
});

it('hands over with the next epoch when it is given back', async () => {
  const [one, two] = holders();
  await one.acquire('a', 60_000);
  await two.release('a');
  expect(await two.acquire('a', 60_000)).toBeUndefined();
  await one.release('a');
  expect(await two.acquire('a', 60_000)).toEqual({ name: 'a', epoch: 2 });
  expect(await one.acquire('a', 60_000)).toBeUndefined();
});

it('hands over with the next epoch when its time is over', async () => {
  const [one, two] = holders();
  await one.acquire('a', 50);
  const taken = await eventually(async () => {
    const lease = await two.acquire('a', 60_000);
    expect(lease).toBeDefined();
    return lease;
  });
  expect(taken).toEqual({ name: 'a', epoch: 2 });
});
