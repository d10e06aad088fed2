import { serialize } from 'bson';
import { once } from 'node:events';
import { connect } from 'node:net';
import { decodeDocument } from '../bson/decode';
import { toInteger } from '../bson/numbers';
import { isDoc, type Maybe } from '../bson/values';
import { type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const header = (size: number): Buffer => {
  const bytes = Buffer.alloc(20);
  bytes.writeInt32LE(20 + size, 0);
  bytes.writeInt32LE(2013, 12);
  return bytes;
};

/** Sends the bodies over one connection and gives the code of each answer, or of its first write error; 0 is none. */
async function codesOf(bodies: Buffer[]): Promise<number[]> {
  const socket = connect(fixture.server.port, '127.0.0.1');
  const codes: number[] = [];
  for (const body of bodies) {
    socket.write(Buffer.concat([header(1 + body.length), Buffer.from([0]), body]));
    const [answer] = await once(socket, 'data');
    const reply = decodeDocument(answer, 21);
    const errors: Maybe = reply.get('writeErrors');
    const [first] = Array.isArray(errors) ? errors : [reply];
    codes.push(isDoc(first ?? null) && first instanceof Map ? (toInteger(first.get('code')) ?? 0) : 0);
  }
  socket.destroy();
  return codes;
}

const nested = (levels: number): object => Array.from({ length: levels }).reduce<object>((inner) => ({ a: inner }), {});
const insertOf = (...documents: object[]): Buffer => Buffer.from(serialize({ insert: 'malformed', documents, $db: 'test' }));
const ping = Buffer.from(serialize({ ping: 1, $db: 'test' }));

it('a document with _id twice is refused, and the connection goes on', async () => {
  const body = insertOf({ _id: 1, _ie: 2 });
  body.write('_id', body.indexOf('_ie'));
  expect(await codesOf([body, ping])).toEqual([2, 0]);
});

it('a document may be nested 100 levels deep, and a connection outlives deeper ones', async () => {
  expect(await codesOf([insertOf(nested(100)), insertOf(nested(101)), insertOf(nested(300)), ping])).toEqual([0, 15, 15, 0]);
  const collection = fixture.db.collection('malformed');
  await expect(collection.insertOne(nested(101))).rejects.toMatchObject({ code: 15 });
  await expect(collection.updateOne({}, { $set: { b: nested(101) } })).rejects.toMatchObject({ code: 15 });
  expect(await collection.countDocuments()).toBe(1);
});
