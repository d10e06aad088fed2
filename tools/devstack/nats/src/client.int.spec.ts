import { connect, type ConnectionOptions, ErrorCode, Events, headers, type Msg, type NatsConnection, StringCodec } from 'nats';
import { eventually } from '@ferry/testing/specs';
import { describeServers, type RunningServer } from './testing/servers';

const text = StringCodec();

describeServers((kind) => {
  let server: RunningServer;
  const opened: NatsConnection[] = [];
  const open = async (options: ConnectionOptions = {}): Promise<NatsConnection> => {
    const connection = await connect({ servers: server.connectionString, timeout: 5_000, ...options });
    opened.push(connection);
    return connection;
  };

  beforeEach(async () => {
    server = await kind.start();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((connection) => connection.close()));
    await server.close();
  });

  const collect = (connection: NatsConnection, subject: string, options: { queue?: string; max?: number } = {}): Msg[] => {
    const messages: Msg[] = [];
    connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error) throw error;
        messages.push(message);
      },
    });
    return messages;
  };

  it('answers requests, also many at a time', async () => {
    const [service, client] = [await open(), await open()];
    service.subscribe('double', { callback: (_, message) => message.respond(text.encode(String(2 * Number(text.decode(message.data))))) });
    await service.flush();
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    const answers = await Promise.all(numbers.map((number) => client.request('double', text.encode(String(number)), { timeout: 5_000 })));
    expect(answers.map(({ data }) => Number(text.decode(data)))).toEqual(numbers.map((number) => 2 * number));
  });

  it('answers requests that take an inbox of their own', async () => {
    const client = await open();
    client.subscribe('echo', { callback: (_, message) => message.respond(message.data) });
    const answer = await client.request('echo', text.encode('x'), { timeout: 5_000, noMux: true });
    expect(text.decode(answer.data)).toBe('x');
  });

  it('gives each message of a queue group to one member, and all members a share', async () => {
    const client = await open();
    const members = await Promise.all([1, 2, 3].map(async () => {
      const member = await open();
      const messages = collect(member, 'work.*', { queue: 'workers' });
      await member.flush();
      return messages;
    }));
    const all = collect(client, 'work.>');
    for (let index = 0; index < 300; index += 1) client.publish('work.item', text.encode(String(index)));
    await eventually(() => expect(members.flat()).toHaveLength(300));
    await eventually(() => expect(all).toHaveLength(300));
    expect(new Set(members.flat().map(({ data }) => text.decode(data))).size).toBe(300);
    // Each of three gets about 100; less than 20 happens once in more than 10^25 runs.
    for (const messages of members) expect(messages.length).toBeGreaterThan(20);
  });

  it('makes one group of the same queue name on different subjects', async () => {
    const client = await open();
    const groups = [collect(client, 'one.two', { queue: 'q' }), collect(client, 'one.*', { queue: 'q' })];
    for (let index = 0; index < 20; index += 1) client.publish('one.two');
    await client.flush();
    expect(groups.flat()).toHaveLength(20);
  });

  it('matches wildcards by token', async () => {
    const client = await open();
    const heard = Object.fromEntries(['a.b', 'a.*', '*.b', 'a.>', '>', 'a.*.c', '*', 'a.b.>'].map((s) => [s, collect(client, s)]));
    for (const subject of ['a', 'a.b', 'a.b.c', 'x.b', 'a.x']) client.publish(subject);
    await client.flush();
    const subjects = Object.fromEntries(Object.entries(heard).map(([s, messages]) => [s, messages.map(({ subject }) => subject)]));
    expect(subjects).toEqual({
      'a.b': ['a.b'],
      'a.*': ['a.b', 'a.x'],
      '*.b': ['a.b', 'x.b'],
      'a.>': ['a.b', 'a.b.c', 'a.x'],
      '>': ['a', 'a.b', 'a.b.c', 'x.b', 'a.x'],
      'a.*.c': ['a.b.c'],
      '*': ['a'],
      'a.b.>': ['a.b.c'],
    });
  });

  it('carries headers with several values and text of any language', async () => {
    const client = await open();
    const messages = collect(client, 'grüße.子');
    const sent = headers();
    sent.append('Trace', 'one');
    sent.append('Trace', 'two');
    client.publish('grüße.子', text.encode('日本'), { headers: sent });
    await client.flush();
    const heard = messages.map((message) => [message.subject, message.headers?.values('Trace'), text.decode(message.data)]);
    expect(heard).toEqual([['grüße.子', ['one', 'two'], '日本']]);
  });

  it('says within milliseconds that nobody responds', async () => {
    const client = await open();
    await client.flush();
    const started = performance.now();
    await expect(client.request('nobody', undefined, { timeout: 10_000 })).rejects.toMatchObject({ code: ErrorCode.NoResponders });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('refuses JetStream as a server without it does', async () => {
    const client = await open();
    await expect(client.jetstreamManager()).rejects.toMatchObject({ code: ErrorCode.JetStreamNotEnabled });
  });

  it('ends a subscription after its maximum', async () => {
    const client = await open();
    const messages = collect(client, 'few', { max: 2 });
    for (let index = 0; index < 5; index += 1) client.publish('few');
    await client.flush();
    expect(messages).toHaveLength(2);
  });

  it('loses nothing when a subscriber drains', async () => {
    const [publisher, subscriber] = [await open(), await open()];
    const messages = collect(subscriber, 'drained');
    await subscriber.flush();
    for (let index = 0; index < 1_000; index += 1) publisher.publish('drained');
    await publisher.flush();
    await subscriber.drain();
    expect(messages).toHaveLength(1_000);
    expect(subscriber.isClosed()).toBe(true);
  });

  it('carries the largest payload, and the client refuses a larger one', async () => {
    const client = await open();
    const messages = collect(client, 'large');
    const payload = Buffer.alloc(1_048_576, 'ferry');
    client.publish('large', payload);
    await client.flush();
    expect(payload.equals(messages[0]?.data ?? Buffer.alloc(0))).toBe(true);
    expect(() => client.publish('large', Buffer.alloc(1_048_577))).toThrow(expect.objectContaining({ code: ErrorCode.MaxPayloadExceeded }));
  });

  it('lets a client come back after a restart with its subscriptions', async () => {
    const client = await open({ reconnectTimeWait: 20, maxReconnectAttempts: -1 });
    const statuses: string[] = [];
    void (async () => {
      for await (const status of client.status()) statuses.push(status.type);
    })();
    const messages = collect(client, 'kept');
    await client.flush();
    await server.close();
    await eventually(() => expect(statuses).toContain(Events.Disconnect));
    server = await kind.start(server.port);
    await eventually(() => expect(statuses).toContain(Events.Reconnect));
    client.publish('kept');
    await eventually(() => expect(messages).toHaveLength(1));
  });
});
