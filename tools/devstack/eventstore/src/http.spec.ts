import { once } from 'node:events';
import { connect } from 'node:net';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { newStream, rejection, testEvent, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

/** As the client's own fallbacks do; the method is protected. */
function askOverHttp(this: EventStoreDBClient, method: 'GET' | 'POST', path: string): Promise<unknown> {
  return this.HTTPRequest(method, path, { transformError: (code) => new Error(`answered ${code}`) });
}

describe('HTTP/1.1 on the port of gRPC', () => {
  it('answers a ping', async () => {
    expect(await askOverHttp.call(test.client, 'GET', '/ping')).toMatchObject({ text: 'Ping request successfully handled' });
  });

  it.each([['GET', '/streams/some'], ['POST', '/ping'], ['POST', '/streams/some']] as const)('finds nothing at %s %s', async (method, path) => {
    expect(await rejection(askOverHttp.call(test.client, method, path))).toMatchObject({ message: 'answered 404' });
  });

  it('tells the protocols apart when the first bytes come one by one', async () => {
    const socket = connect(test.server.port, '127.0.0.1').setNoDelay().setEncoding('utf8');
    await once(socket, 'connect');
    for (const byte of 'GET /ping HTTP/1.1\r\nHost: here\r\n\r\n') {
      await new Promise((written) => socket.write(byte, written));
    }
    expect((await once(socket, 'data'))[0]).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
    expect(await test.client.appendToStream(newStream(), testEvent())).toMatchObject({ success: true });
  });

  it('stops with connections that never said anything', async () => {
    const other = await TestServer.start();
    const socket = connect(other.server.port, '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await other.stop();
    await closed;
  });
});
