import { createLogger } from '@ferry/observability';
import { mongoServer, type TestServer } from '@ferry/testing/servers';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import type { Socket } from 'node:net';
import { ReadModels } from './index';

/** The insides of the driver's client that a lost connection goes through. */
interface DriverServer {
  readonly monitor: { readonly connection: { readonly socket: Socket } | null; requestCheck(): void; readonly s: { readonly state: string } };
  readonly pool: { readonly connections: { toArray(): { readonly socket: Socket }[] } };
}

let folder: TempDir;
let server: TestServer;
let models: ReadModels;

beforeAll(async () => {
  folder = await tempDir('ferry-driver-guard-');
  server = await mongoServer(folder.path);
  models = ReadModels.connect({ url: server.url, logger: createLogger('spec') });
});
afterAll(async () => {
  await models?.close();
  await server?.stop();
  await folder?.remove();
});

const driverServer = (): DriverServer => {
  const { topology } = models.db.client as unknown as { topology: { s: { servers: Map<string, DriverServer> } } };
  return [...topology.s.servers.values()][0]!;
};
const find = () => models.db.collection('things').findOne({}, { maxTimeMS: 1_000 });

/** Between the end of a socket and the driver's hearing of it a command may begin. */
describe('a socket that ended just before a command', () => {
  it('fails or repeats the operation, and takes no connection away', async () => {
    for (let round = 0; round < 5; round += 1) {
      await find();
      for (const { socket } of driverServer().pool.connections.toArray()) socket.destroy();
      await Promise.allSettled([find()]);
      await eventually(find);
    }
  }, 30_000);

  it('is no reason to stop looking for the server', async () => {
    await find();
    const { monitor } = driverServer();
    const { connection } = await eventually(() => {
      expect([monitor.s.state, monitor.connection === null]).toEqual(['idle', false]);
      return { connection: monitor.connection! };
    });
    await eventually(() => {
      // Asked twice within half a second it does not look again.
      if (!connection.socket.destroyed) connection.socket.destroy();
      monitor.requestCheck();
      expect(monitor.connection === connection).toBe(false);
    });
    await eventually(() => expect(monitor.connection === null).toBe(false));
    await find();
  }, 30_000);
});
