import { FerryError } from '@ferry/kernel';
import { createLogger, currentContext, runInContext, type WorkContext } from '@ferry/observability';
import { itWithOwn, natsServer, type TestServer } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import { IsInt, Min } from 'class-validator';
import { Messaging, type Listener } from './index';

class Double {
  @IsInt() @Min(0) number!: number;
}

let server: TestServer;
let asker: Messaging;
let answerer: Messaging;
let listeners: Listener[] = [];
const logger = createLogger('messaging-spec');

const connect = (name: string) => Messaging.connect({ url: server.url, name, logger });
beforeAll(async () => {
  server = await natsServer();
  [asker, answerer] = await Promise.all([connect('asker'), connect('answerer')]);
});

afterEach(() => {
  for (const listener of listeners) listener.close();
  listeners = [];
});

afterAll(async () => {
  await Promise.all([asker?.close(), answerer?.close()]);
  await server?.stop();
});

const answering = async (handler: (data: Double) => Promise<unknown>): Promise<void> => {
  listeners.push(answerer.respond('spec.double', Double, handler));
  await answerer.flush();
};
const ask = (data: object = { number: 2 }, timeoutMs = 2_000) => asker.request('spec.double', data, { timeoutMs });

describe('a request', () => {
  it('is answered', async () => {
    await answering(async ({ number }) => ({ doubled: number * 2 }));
    expect(await ask()).toEqual({ doubled: 4 });
    expect(await Promise.all([1, 2, 3].map((number) => ask({ number })))).toEqual([{ doubled: 2 }, { doubled: 4 }, { doubled: 6 }]);
  });

  it('that nobody listens to fails at once', async () => {
    await expect(ask(undefined, 60_000)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', category: 'unavailable', details: { subject: 'spec.double' } });
  });

  it('that is not answered in time fails', async () => {
    await answering(() => new Promise(() => {}));
    await expect(ask(undefined, 30)).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', category: 'timeout' });
  });

  it('that is not valid is refused with the reasons, before its handler', async () => {
    let calls = 0;
    await answering(async () => (calls += 1));
    const refusal = { code: 'VALIDATION_FAILED', category: 'invalid', details: { errors: ['number: number must not be less than 0'] } };
    await expect(ask({ number: -1 })).rejects.toMatchObject(refusal);
    expect(calls).toBe(0);
  });

  it('fails with the other side’s error as it was', async () => {
    await answering(() => Promise.reject(new FerryError('TOO_MUCH', 'throttled', 'Ask later.', { retryAfter: 3 })));
    await expect(ask()).rejects.toMatchObject({ code: 'TOO_MUCH', category: 'throttled', message: 'Ask later.', details: { retryAfter: 3 } });
  });

  it('tells nothing of an error that was not meant for others', async () => {
    await answering(() => Promise.reject(new Error('the password is hunter2')));
    const error = await ask().catch((caught: FerryError) => caught);
    expect(error).toMatchObject({ code: 'INTERNAL', category: 'internal' });
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  it('carries its story along', async () => {
    let seen: WorkContext | undefined;
    await answering(async () => {
      seen = currentContext();
    });
    const story = { correlationId: 'story', causationId: 'event', traceparent: '00-1-2-01' };
    await runInContext(story, () => ask());
    expect(seen).toEqual(story);
  });
});

describe('a notice', () => {
  it('reaches every subscriber, also the one whose last notice failed', async () => {
    const seen: string[] = [];
    const subscribe = (by: Messaging, name: string) =>
      listeners.push(
        by.subscribe<{ number: number }>('spec.*.ended', ({ number }, subject) => {
          seen.push(`${name} ${subject} ${number}`);
          if (number === 1) throw new Error('not handled');
        }),
      );
    subscribe(asker, 'one');
    subscribe(answerer, 'two');
    await Promise.all([asker.flush(), answerer.flush()]);
    asker.publish('spec.a.ended', { number: 1 });
    asker.publish('spec.b.ended', { number: 2 });
    await eventually(() => expect(seen.sort()).toEqual(['one spec.a.ended 1', 'one spec.b.ended 2', 'two spec.a.ended 1', 'two spec.b.ended 2']));
  });
});

itWithOwn('NATS_URL', 'reconnects by itself, says so, and goes on with its subscriptions', async () => {
  await answering(async () => 'again');
  let reconnects = 0;
  const listener = asker.onReconnect(() => (reconnects += 1));
  await server.stop();
  await eventually(() => expect(asker.connected).toBe(false));
  expect(asker.connectedForMs).toBe(0);
  expect(asker.ready()).toEqual(expect.stringContaining('not connected'));
  await server.start();
  expect(await eventually(() => ask())).toBe('again');
  expect(reconnects).toBe(1);
  expect(asker.ready()).toBe(true);
  listener.close();
});

describe('a queue group without a framework', () => {
  const serve = (quick?: (data: Double) => string | undefined, handler = async ({ number }: Double): Promise<unknown> => ({ doubled: number * 2 })) =>
    answerer.serve('spec.served', Double, handler, { queue: 'spec', ...(quick ? { quick } : {}) });
  const askServed = (data: unknown) => asker.request('spec.served', data as object, { timeoutMs: 2_000 });

  it('answers what is known at once, and asks the handler for the rest', async () => {
    const served = serve(({ number }) => (number === 1 ? '{"doubled":"known"}' : undefined));
    await answerer.flush();
    expect(await Promise.all([1, 2].map((number) => askServed({ number })))).toEqual([{ doubled: 'known' }, { doubled: 4 }]);
    await served.close();
    await expect(askServed({ number: 1 })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });

  it('refuses as respond does, and tells errors as they are', async () => {
    const served = serve(undefined, async () => {
      throw new FerryError('NO', 'conflict', 'No.', { why: 1 });
    });
    await answering(async () => undefined);
    const refusal = await ask({ number: 'x' }).catch((error: unknown) => error);
    await expect(askServed({ number: 'x' })).rejects.toEqual(refusal);
    await expect(askServed({ number: 1 })).rejects.toMatchObject({ code: 'NO', category: 'conflict', details: { why: 1 } });
    await served.close();
  });

  it('answers what it has taken before it leaves, each request once in the group, in the asker’s context', async () => {
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const seen: string[] = [];
    const served = serve(undefined, async () => {
      seen.push(currentContext().correlationId);
      begun();
      await held;
      return { done: true };
    });
    await answerer.flush();
    const asked = runInContext({ correlationId: 'story' }, () => askServed({ number: 1 }));
    await started;
    const closed = served.close();
    finish();
    expect(await asked).toEqual({ done: true });
    await closed;
    expect(seen).toEqual(['story']);
  });
});
