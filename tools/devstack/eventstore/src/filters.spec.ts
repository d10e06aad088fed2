import { once } from 'node:events';
import { eventTypeFilter, streamNameFilter } from '@eventstore/db-client';
import { status } from '@grpc/grpc-js';
import { all, newStream, rejection, testEvent, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
  for (const type of TYPES) await test.client.appendToStream(newStream(), testEvent(0, type));
});
afterAll(() => test.stop());

const TYPES = ['Alpha', 'Alphabet', 'alpha', 'Ga mma', 'ünï', 'Line\nTwo', 'Line', 'a-1', 'x]y{z'];

/** The types that a filter lets through, in order. */
async function matching({ regex = '', prefixes = [] }: { regex?: string; prefixes?: string[] }): Promise<string[]> {
  const subscription = test.client.subscribeToAll({ filter: Object.assign(eventTypeFilter({ prefixes }), { regex }) });
  const types: string[] = [];
  subscription.on('data', ({ event }) => event && !event.type.startsWith('$') && types.push(event.type));
  await once(subscription, 'caughtUp');
  await subscription.unsubscribe();
  return types;
}

describe('patterns are .NET regular expressions', () => {
  it.each([
    ['(?i)^alpha$', ['Alpha', 'alpha']],
    ['(?i:A)lp', ['Alpha', 'Alphabet', 'alpha']],
    ['^\\w+$', ['Alpha', 'Alphabet', 'alpha', 'ünï', 'Line']],
    ['\\W', ['Ga mma', 'Line\nTwo', 'a-1', 'x]y{z']],
    ['\\bmma\\b', ['Ga mma']],
    ['\\Bha', ['Alpha', 'Alphabet', 'alpha']],
    ['^[\\s\\S]$|[^\\W\\d]{8}', ['Alphabet']],
    ['\\p{Lu}.*\\d|\\d', ['a-1']],
    ['\\AAlpha\\z', ['Alpha']],
    ['Line.Two', []],
    ['Line\\sTwo\\Z', ['Line\nTwo']],
    ['Line$', ['Line']],
    ['[]]', ['x]y{z']],
    ['{|]y', ['x]y{z']],
    ['[\\d-]1', ['a-1']],
    ['[0-9]', ['a-1']],
    ['\\x41l\\u0070', ['Alpha', 'Alphabet']],
    ['(?<first>A)l', ['Alpha', 'Alphabet']],
    ['(m)\\1', ['Ga mma']],
    ['(?<!A)lpha', ['alpha']],
  ])('%s', async (regex, expected) => {
    expect(await matching({ regex })).toEqual(expected);
  });

  it.each(['(?>Al)p', 'A(?#why)l', '(?x) A', '(?s)a', 'a(?i)L', "(?'name'A)", '(?(1)a|b)', '[a-z-[aeiou]]', '\\GA', '\\p{IsGreek}', '\\012'])(
    'refuses %s, which it cannot do, by name',
    async (regex) => {
      const message = expect.stringContaining('not supported by the embedded server');
      expect(await rejection(matching({ regex }))).toMatchObject({ code: status.INVALID_ARGUMENT, message });
    },
  );

  it.each(['(', '[a', '*', 'a**', '\\', '\\q', '[b-a]', '[^]', '(?:a', '\\1', 'a{2,1}'])('%s is no pattern', async (regex) => {
    expect(await rejection(matching({ regex }))).toMatchObject({ type: 'unknown', code: status.UNKNOWN });
  });
});

it('goes by the pattern where a filter has prefixes too', async () => {
  expect(await matching({ regex: '^a', prefixes: ['A'] })).toEqual(['alpha', 'a-1']);
});

it('lets nothing through without a pattern or a prefix', async () => {
  expect(await matching({ prefixes: [] })).toEqual([]);
});

describe('checkpoints', () => {
  it.each([
    ['at the last match of a page of history, or at its first event', { maxSearchWindow: 2 }, [0, 2, 4]],
    ['only after whole intervals', { maxSearchWindow: 2, checkpointInterval: 2 }, [2]],
  ])('%s', async (_case, window, revisions) => {
    const stream = newStream();
    const before = await test.client.appendToStream(newStream(), testEvent());
    const types = ['Hit', 'Miss', 'Miss', 'Miss', 'Hit', 'Miss', 'Miss'];
    await test.client.appendToStream(stream, types.map((type) => testEvent(0, type)));
    const places = (await all(test.client.readAll({ fromPosition: before.position! }))).slice(1).map(({ event }) => event?.position.commit);
    const reached: (bigint | undefined)[] = [];
    const checkpointReached = async (_subscription: unknown, { commit }: { commit: bigint }): Promise<void> => {
      reached.push(commit);
    };
    const filter = eventTypeFilter({ prefixes: ['Hit'], ...window, checkpointReached });
    const subscription = test.client.subscribeToAll({ fromPosition: before.position!, filter }).on('data', () => undefined);
    await once(subscription, 'caughtUp');
    expect(reached).toEqual(revisions.map((revision) => places[revision]));
    await subscription.unsubscribe();
  });
});

it('filters by stream name', async () => {
  const subscription = test.client.subscribeToAll({ filter: streamNameFilter({ regex: '^\\$\\$\\$scavenges$' }) });
  const names: string[] = [];
  subscription.on('data', ({ event }) => names.push(event?.streamId ?? ''));
  await once(subscription, 'caughtUp');
  expect(names).toEqual(['$$$scavenges']);
  await subscription.unsubscribe();
});
