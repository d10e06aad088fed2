import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { startEventStore } from './index';
import { ServerProcess } from './specs/server-process';
import { newStream, rejection, testEvent } from './specs/support';

const dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

describe('the server process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('says what it is and where, and stops on %s with clients connected', async (signal) => {
    const server = ServerProcess.spawn('--port', '0', '--data', dataDir);
    const connectionString = await server.ready();
    const client = EventStoreDBClient.connectionString(connectionString);
    await client.appendToStream(newStream(), testEvent());
    const subscription = client.subscribeToAll();
    const dropped = once(subscription, 'error');
    await once(subscription, 'caughtUp');
    const started = performance.now();
    expect(await server.end(signal)).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(2_000);
    await dropped;
    await client.dispose();
    expect(connectionString).toMatch(/^esdb:\/\/127\.0\.0\.1:\d+\?tls=false$/);
    expect(server.stderr).toBe('Embedded event store for development and tests: loopback only, no access control.\n');
  });

  it('names in its gossip where clients are to come', async () => {
    const other = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
    const named = await startEventStore({ port: 0, dataDir: other });
    const server = ServerProcess.spawn('--port', '0', '--data', dataDir, '--advertise', `127.0.0.1:${named.port}`);
    const { host } = new URL((await server.ready()).replace('esdb:', 'http:'));
    const stream = newStream();
    const discovering = EventStoreDBClient.connectionString(`esdb+discover://${host}?tls=false`);
    await discovering.appendToStream(stream, testEvent());
    const direct = EventStoreDBClient.connectionString(named.connectionString);
    let events = 0;
    for await (const { event } of direct.readStream(stream)) events += event ? 1 : 0;
    expect(events).toBe(1);
    await Promise.all([discovering.dispose(), direct.dispose()]);
    await Promise.all([server.end('SIGTERM'), named.close()]);
    rmSync(other, { recursive: true });
  });

  it('ends with one message when its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const server = ServerProcess.spawn('--port', String(port), '--data', dataDir);
    expect(await server.end()).toMatchObject({ code: 1 });
    expect(server.stderr).toMatch(new RegExp(`^event store: cannot listen on 127.0.0.1:${port}: is the port taken\\?[^\\n]*\\n$`));
    taken.close();
  });

  it('ends with one message when another server has its data', async () => {
    const server = await startEventStore({ port: 0, dataDir });
    const second = ServerProcess.spawn('--port', '0', '--data', dataDir);
    expect(await second.end()).toMatchObject({ code: 1 });
    expect(second.stderr).toMatch(/^event store: cannot open the data folder [^\n]*another server uses this folder[^\n]*\n$/);
    await server.close();
  });

  it.each([
    [['--port', 'x', '--data', dataDir], '--port x is no TCP port'],
    [['--port', '0'], '--data is missing'],
    [['--port', '0', '--data', dataDir, '--host', '0.0.0.0'], '0.0.0.0 is no loopback address'],
    [['--port', '0', '--data', dataDir, '--advertise', 'somewhere'], '--advertise somewhere is not HOST:PORT'],
    [['--port', '0', '--data', dataDir, '--advertise', 'somewhere:70000'], '--advertise somewhere:70000 is not HOST:PORT'],
  ])('refuses %p', async (args, message) => {
    const server = ServerProcess.spawn(...args);
    expect(await server.end()).toMatchObject({ code: 1 });
    expect(server.stderr).toContain(message);
  });
});

it('startEventStore binds to loopback only', async () => {
  const error = await rejection(startEventStore({ port: 0, dataDir, host: '192.168.1.1' }));
  expect(error).toMatchObject({ message: expect.stringContaining('no loopback address') });
});
