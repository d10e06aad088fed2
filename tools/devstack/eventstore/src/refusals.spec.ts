import {
  EventStoreDBClient, persistentSubscriptionToAllSettingsFromDefaults, persistentSubscriptionToStreamSettingsFromDefaults,
} from '@eventstore/db-client';
import { UsersService } from '@eventstore/db-client/generated/users_grpc_pb';
import { Client, credentials, status } from '@grpc/grpc-js';
import { all, newStream, rejection, testEvent, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

const UNIMPLEMENTED = 12;
type Call = (client: EventStoreDBClient) => Promise<unknown>;

describe('refused by name', () => {
  const subscriptions: [string, Call][] = [
    ['create', (client) => client.createPersistentSubscriptionToStream('s', 'g', persistentSubscriptionToStreamSettingsFromDefaults())],
    ['create on $all', (client) => client.createPersistentSubscriptionToAll('g', persistentSubscriptionToAllSettingsFromDefaults())],
    ['update', (client) => client.updatePersistentSubscriptionToStream('s', 'g', persistentSubscriptionToStreamSettingsFromDefaults())],
    ['delete', (client) => client.deletePersistentSubscriptionToStream('s', 'g')],
    ['read', (client) => all(client.subscribeToPersistentSubscriptionToStream('s', 'g'))],
    ['info', (client) => client.getPersistentSubscriptionToStreamInfo('s', 'g')],
    ['list', (client) => client.listAllPersistentSubscriptions()],
    ['replay', (client) => client.replayParkedMessagesToStream('s', 'g')],
    ['restart', (client) => client.restartPersistentSubscriptionSubsystem()],
  ];
  const message = expect.stringContaining('persistent subscriptions are not supported by the embedded server');
  it.each(subscriptions)('persistent subscriptions: %s', async (_case, call) => {
    expect(await rejection(call(test.client))).toMatchObject({ code: UNIMPLEMENTED, message });
  });

  const projections: [string, Call][] = [
    ['create', (client) => client.createProjection('p', 'fromAll()')],
    ['state', (client) => client.getProjectionState('p')],
    ['list', (client) => client.listProjections()],
  ];
  it.each(projections)('projections: %s', async (_case, call) => {
    const projectionsMessage = expect.stringContaining('projections are not supported by the embedded server');
    expect(await rejection(call(test.client))).toMatchObject({ code: UNIMPLEMENTED, message: projectionsMessage });
  });
});

const callRaw = (path: string): Promise<number> => {
  const client = new Client(`127.0.0.1:${test.server.port}`, credentials.createInsecure());
  const bytes = (value: Buffer): Buffer => value;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), (error) => {
      client.close();
      resolve(error?.code ?? status.OK);
    });
  });
};

it.each([
  ['user management', UsersService.details.path],
  ['an unknown service', '/event_store.client.nothing.Nothing/Do'],
  ['an unknown method', '/event_store.client.streams.Streams/Nothing'],
])('%s is unimplemented', async (_case, path) => {
  expect(await callRaw(path)).toBe(status.UNIMPLEMENTED);
});

it('refuses a message above 16 MiB by its size', async () => {
  const huge = { ...testEvent(), metadata: Buffer.alloc(17 * 1024 * 1024) };
  const client = EventStoreDBClient.connectionString(test.server.connectionString);
  // The client takes its time to encode so much.
  const append = client.appendToStream(newStream(), huge, { credentials: { username: 'a', password: 'b' }, deadline: 60_000 });
  expect(await rejection(append)).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  await client.dispose();
});

it('is found by discovery', async () => {
  const client = EventStoreDBClient.connectionString(`esdb+discover://127.0.0.1:${test.server.port}?tls=false`);
  expect(await client.appendToStream(newStream(), testEvent())).toMatchObject({ success: true });
  await client.dispose();
});
