import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEventStore } from './server';

it('keeps the five newest files with what it cut off its log', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
  const cuts = (): string[] => readdirSync(dataDir).filter((name) => name.startsWith('events.log.cut-')).sort();
  for (let start = 0; start <= 7; start++) {
    const before = cuts();
    if (start > 0) appendFileSync(join(dataDir, 'events.log'), randomBytes(1_000 + start));
    const server = await startEventStore({ port: 0, dataDir });
    await server.close();
    expect(cuts().slice(0, -1)).toEqual(before.slice(start > 5 ? 1 : 0));
  }
  expect(cuts().map((name) => readFileSync(join(dataDir, name)).length)).toEqual([1_003, 1_004, 1_005, 1_006, 1_007]);
  rmSync(dataDir, { recursive: true });
});
