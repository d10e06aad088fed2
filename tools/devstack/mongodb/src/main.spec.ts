import { freePort, spawnTs, tempDir } from '@ferry/testing/specs';
import { MongoClient } from 'mongodb';

const MAIN = 'tools/devstack/mongodb/src/main.ts';
const READY = /^mongodb:\/\/127\.0\.0\.1:(\d+)\/\?directConnection=true$/;
const START_MS = 15_000;

async function start(port: number, data: string) {
  const program = spawnTs(MAIN, ['--port', String(port), '--data', data]);
  const [connectionString] = await program.waitForLine(READY, START_MS);
  return { program, connectionString };
}

describe('the server as a process', () => {
  it('keeps everything under a connected client when it is killed and started again', async () => {
    const data = await tempDir('ferry-mongodb-');
    const port = await freePort();
    const first = await start(port, data.path);
    const client = new MongoClient(first.connectionString, { serverSelectionTimeoutMS: START_MS });
    const collection = client.db('t').collection<{ _id: number; list?: number[] }>('c');
    await collection.createIndex({ list: 1 });
    await collection.insertMany(Array.from({ length: 500 }, (_, _id) => ({ _id, list: [_id, _id + 1] })));
    await first.program.kill('SIGKILL');
    const second = await start(port, data.path);
    expect(await collection.countDocuments()).toBe(500);
    expect(await collection.find({ list: 7 }).explain()).toMatchObject({ queryPlanner: { winningPlan: { inputStage: { indexName: 'list_1', isMultiKey: true } } } });
    expect(await collection.find({ list: 7 }).toArray()).toEqual([{ _id: 6, list: [6, 7] }, { _id: 7, list: [7, 8] }]);
    const stopping = performance.now();
    expect(await second.program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - stopping).toBeLessThan(1500);
    await client.close();
    await data.remove();
  });

  it('says what it is, and ends with one message if its port or its folder is taken', async () => {
    const [data, other] = [await tempDir('ferry-mongodb-'), await tempDir('ferry-mongodb-')];
    const { program, connectionString } = await start(0, data.path);
    expect(program.output()).toContain('development server');
    const rivals = [spawnTs(MAIN, ['--port', new URL(connectionString).port, '--data', other.path]), spawnTs(MAIN, ['--port', '0', '--data', data.path])];
    for (const rival of rivals) expect((await rival.exited).code).toBe(1);
    expect(rivals[0]?.output()).toContain('The port is taken');
    expect(rivals[1]?.output()).toContain('cannot open the data folder');
    for (const rival of rivals) expect(rival.output().trim().split('\n')).toHaveLength(1);
    await program.kill();
    await data.remove();
    await other.remove();
  });
});
