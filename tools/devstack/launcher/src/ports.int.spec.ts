import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tempDir, type TempDir } from '@ferry/testing/specs';
import { choosePorts, PORT_NAMES } from './ports';

describe('choosePorts', () => {
  let folder: TempDir;
  beforeEach(async () => {
    folder = await tempDir('ferry-ports-');
  });
  afterEach(() => folder.remove());

  const listen = async (port = 0) => {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, close: () => once(server.close(), 'close') };
  };

  it('draws a different one for each listener and remembers them', async () => {
    const ports = await choosePorts(folder.path, {});
    expect(new Set(Object.values(ports)).size).toBe(PORT_NAMES.length);
    expect(await choosePorts(folder.path, {})).toEqual(ports);
  });

  it('draws again for a remembered one that is taken', async () => {
    const ports = await choosePorts(folder.path, {});
    const taken = await listen(ports.simulator);
    const { simulator, ...others } = await choosePorts(folder.path, {});
    expect(simulator).not.toBe(ports.simulator);
    expect(others).toEqual({ ...ports, simulator: undefined });
    await taken.close();
  });

  it('refuses an asked-for one that is taken', async () => {
    const taken = await listen();
    const choosing = choosePorts(folder.path, { gateway: taken.port });
    await expect(choosing).rejects.toThrow(`Port ${taken.port} on 127.0.0.1, for the gateway, is taken. Stop what listens there, or choose another with GATEWAY_PORT.`);
    await taken.close();
  });
});
