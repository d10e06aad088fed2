import { connect as connectSocket } from 'node:net';
import { connect } from 'nats';
import { eventually, freePort, spawnTs } from '@ferry/testing/specs';
import type { Limits } from './limits';
import { type NatsServer, startNats } from './server';
import { RawClient } from './testing/raw-client';

const MAIN = 'tools/devstack/nats/src/main.ts';
/** Three of them pass before a silent client is closed: more than a busy machine needs to read its first words. */
const PING_MS = 100;
const CONNECT = 'CONNECT {"verbose":false}\r\n';

describe('limits of the embedded server', () => {
  let server: NatsServer;
  const start = async (limits: Partial<Limits>): Promise<void> => {
    server = await startNats({ port: 0, limits });
  };
  afterEach(() => server.close());

  it('closes a client that answers no PING', async () => {
    await start({ pingIntervalMs: PING_MS });
    const client = await RawClient.to(server.port);
    client.say(`${CONNECT}PING\r\n`);
    // Until the PONG it was not silent: on a busy machine the server may have asked before it read the CONNECT.
    const [, silent] = (await client.untilClosed()).split('PONG\r\n');
    expect(silent).toBe("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
  });

  it('keeps a client that answers', async () => {
    await start({ pingIntervalMs: PING_MS });
    const client = await RawClient.to(server.port);
    client.say(CONNECT);
    for (let answered = 0; answered < 5; answered += 1) {
      await client.until(/PING\r\n/);
      client.received = '';
      client.say('PONG\r\n');
    }
    expect(client.closed).toBe(false);
    client.drop();
  });

  it('closes a client that does not read, and goes on serving the others', async () => {
    await start({ maxPending: 4 * 1024 * 1024 });
    const slow = await RawClient.to(server.port);
    await slow.exchange(`${CONNECT}SUB flood 1\r\n`);
    slow.socket.pause();
    const publisher = await connect({ servers: server.connectionString });
    for (let sent = 0; server.status().connections > 1; sent += 1) {
      if (sent === 500) throw new Error('500 MiB were sent and the slow client is still there');
      publisher.publish('flood', Buffer.alloc(1024 * 1024));
      await publisher.flush();
    }
    expect(server.status()).toEqual({ connections: 1, hasSubscriptions: false });
    await publisher.close();
    slow.drop();
  });

  it('refuses a connection too many', async () => {
    await start({ maxConnections: 1 });
    const first = await RawClient.to(server.port);
    const second = await RawClient.to(server.port);
    expect(await second.untilClosed()).toBe("-ERR 'maximum connections exceeded'\r\n");
    expect(await first.exchange(CONNECT)).toBe('');
    first.drop();
  });

  it('forgets the subscriptions of a client that is gone', async () => {
    await start({});
    const client = await RawClient.to(server.port);
    await client.exchange(`${CONNECT}SUB a.*.> 1\r\nSUB b q 2\r\n`);
    expect(server.status()).toEqual({ connections: 1, hasSubscriptions: true });
    client.drop();
    await eventually(() => expect(server.status()).toEqual({ connections: 0, hasSubscriptions: false }));
  });
});

describe('start and stop', () => {
  it('closes within a second although a client does not read, and a second close is the same', async () => {
    const server = await startNats({ port: 0 });
    const socket = connectSocket(server.port, '127.0.0.1').pause();
    await eventually(() => expect(server.status().connections).toBe(1));
    const started = performance.now();
    await Promise.all([server.close(), server.close()]);
    await server.close();
    expect(performance.now() - started).toBeLessThan(1_000);
    socket.destroy();
  });

  it.each([
    [{ port: 0, host: '0.0.0.0' }, 'HOST_NOT_LOOPBACK'],
    [{ port: 0, host: 'localhost' }, 'HOST_NOT_LOOPBACK'],
    [{ port: 65_536 }, 'PORT_INVALID'],
    [{ port: NaN }, 'PORT_INVALID'],
  ])('refuses %j', async (options, code) => {
    await expect(startNats(options)).rejects.toMatchObject({ code });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('runs as a program, says where, and stops at %s', async (signal) => {
    const program = spawnTs(MAIN, ['--port', '0']);
    const [, connectionString] = await program.waitForLine(/^(nats:\/\/127\.0\.0\.1:\d+)$/, 10_000);
    expect(program.output()).toContain('embedded development server, loopback only');
    const client = await connect({ servers: connectionString as string, reconnect: false });
    const started = performance.now();
    expect(await program.kill(signal)).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(1_000);
    await client.closed();
  });

  it.each([
    ['a port that is taken', async () => String((await startedOnce).port), /^NATS did not start: port \d+ on 127\.0\.0\.1 is taken: .*\n$/],
    ['no number', () => Promise.resolve('many'), /^NATS did not start: the port must be a whole number .*\n$/],
  ])('ends with one clear message at %s', async (_, port, message) => {
    const program = spawnTs(MAIN, ['--port', await port()]);
    expect(await program.exited).toEqual({ code: 1, signal: null });
    expect(program.output()).toMatch(message);
  });

  const startedOnce = freePort().then((port) => startNats({ port }));
  afterAll(async () => (await startedOnce).close());
});
