import { appendFile, mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toPosition, type RecordedEvent } from '@ferry/kernel';
import { createLogger } from '@ferry/observability';
import { tempDir, type TempDir } from '@ferry/testing/specs';
import { BLOCK_BYTES } from '../disk/budget';
import { EventJournal } from './event-journal';

const PREFIXES = ['cache-', 'asset-'];
let folder: TempDir;
let path: string;
beforeEach(async () => {
  folder = await tempDir('ferry-journal-');
  path = join(folder.path, 'journal');
});
afterEach(() => folder.remove());

const event = (number: number): RecordedEvent =>
  ({
    id: `id-${number}`,
    streamName: 'cache-a',
    revision: number,
    position: toPosition(BigInt(number)),
    created: '2026-01-05T10:00:00.000Z',
    type: 'FileCached',
    data: { path: `ünï\u2028code-${number}\n` },
    metadata: { $correlationId: '', $causationId: '', commandId: '', actor: '', owner: 'dev' },
  }) as unknown as RecordedEvent;
const events = (from: number, to: number): RecordedEvent[] => Array.from({ length: to - from }, (_, at) => event(from + at));

/** A start: what was kept, then some more that comes. */
const start = async (more: readonly RecordedEvent[], { nodeId = 'node-1', prefixes = PREFIXES, isInStore = true, takeRoom = (_bytes: number): boolean => true } = {}) => {
  const journal = new EventJournal(path, { nodeId, prefixes }, createLogger('spec'), takeRoom);
  const kept: RecordedEvent[] = [];
  const asked: string[] = [];
  const position = await journal.replay(
    async ({ id }) => isInStore && asked.push(id) > 0,
    async (one) => void kept.push(one),
  );
  for (const one of more) await journal.append(one);
  await journal.close();
  return { kept, position, asked };
};

it('gives back what it was given, in order, over several starts', async () => {
  expect(await start(events(0, 3))).toEqual({ kept: [], position: 'start', asked: [] });
  expect(await start(events(3, 5_000))).toEqual({ kept: events(0, 3), position: event(2).position, asked: ['id-2'] });
  expect(await start([])).toEqual({ kept: events(0, 5_000), position: event(4_999).position, asked: ['id-4999'] });
});

it('is for its owner alone', async () => {
  await start(events(0, 1));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it.each([
  ['another node', { nodeId: 'node-2' }],
  ['other streams', { prefixes: ['cache-'] }],
  ['another event store', { isInStore: false }],
])('is begun anew where it is of %s', async (_, other) => {
  await start(events(0, 3));
  expect(await start(events(0, 1), other)).toMatchObject({ kept: [], position: 'start' });
  expect(await start([], { ...other, isInStore: true })).toMatchObject({ kept: events(0, 1) });
});

it('is begun anew where the file is none', async () => {
  for (const content of ['', 'x', 'something else\n'.repeat(100)]) {
    await writeFile(path, content);
    expect(await start([])).toMatchObject({ kept: [], position: 'start' });
    await start(events(0, 2));
    expect((await start([])).kept).toEqual(events(0, 2));
  }
});

it('is done without where it can neither be read nor written', async () => {
  await mkdir(path);
  expect(await start(events(0, 3))).toMatchObject({ kept: [], position: 'start' });
});

it('is used up to where it is damaged, whatever byte of its last event was the last one written', async () => {
  await start(events(0, 3));
  const whole = await readFile(path);
  await start(events(3, 4));
  const more = await readFile(path);
  for (let bytes = whole.length; bytes < more.length; bytes += 1) {
    await writeFile(path, more);
    await truncate(path, bytes);
    expect(await start([])).toMatchObject({ kept: events(0, 3), position: event(2).position });
    expect((await readFile(path)).equals(whole)).toBe(true);
  }
});

it('is used up to a damage in its middle, and goes on from there', async () => {
  await start(events(0, 3));
  const damaged = await readFile(path);
  const at = damaged.indexOf('id-1');
  damaged[at] = damaged[at]! ^ 1;
  await writeFile(path, damaged);
  expect(await start(events(1, 5))).toMatchObject({ kept: events(0, 1), position: event(0).position });
  await appendFile(path, 'garbage');
  expect((await start([])).kept).toEqual(events(0, 5));
});

it('keeps no more than there is room for, leaves no gap, and goes on where there is room again', async () => {
  let blocks = 2;
  const takeRoom = (bytes: number): boolean => (blocks -= bytes / BLOCK_BYTES) >= 0;
  await start(events(0, 100), { takeRoom });
  expect((await stat(path)).size).toBeLessThanOrEqual(2 * BLOCK_BYTES);
  const { kept, position } = await start(events(0, 0));
  expect(kept.length).toBeGreaterThan(10);
  expect(kept.length).toBeLessThan(100);
  expect(kept).toMatchObject(events(0, kept.length).map(({ id }) => ({ id })));
  expect(position).toBe(kept.at(-1)!.position);
  await start(events(kept.length, 100));
  expect((await start([])).kept).toHaveLength(100);
});
