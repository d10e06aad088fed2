import { eventually, rounds, seed, tempDir, type TempDir } from '@ferry/testing/specs';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { appendFile, copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Budget, BLOCK_BYTES, roundToBlocks, STEP_BYTES } from './budget';
import { CacheDisk } from './cache-disk';
import { absentIfMissing } from './disk-errors';
import { FolderLock } from './folder-lock';
import { assetFolders, sweepBlobs, sweepTemporary } from './folder-scan';
import { ownerKeyOf } from './layout';
import type { StoredFile } from './stored-file';
import { Volume } from './volume';

const A = '11111111-1111-5111-8111-111111111111';
const B = '22222222-2222-5222-8222-222222222222';
const MAX_BYTES = 4 * 1024 * 1024;
/** Nothing can go. */
const full = { makeRoom: () => Promise.resolve(false), heldBy: () => ({ cached: 7 }) };

let folder: TempDir;
let volume: Volume;
let budget: Budget;
let disk: CacheDisk;
beforeEach(async () => {
  folder = await tempDir('ferry-disk-');
  volume = await Volume.of(folder.path, 0);
  budget = new Budget(MAX_BYTES, full, volume);
  disk = await CacheDisk.open(folder.path, budget);
});
afterEach(() => folder.remove());

const contentOf = (text: string, bytes = 10_000): Buffer => Buffer.alloc(bytes, text);
const fileOf = (assetId: string, content: Buffer, owner = 'dev', filename = 'a.mp4'): StoredFile => ({
  assetId,
  filename,
  ownerKey: ownerKeyOf(owner),
  sha256: createHash('sha256').update(content).digest('hex'),
  sizeBytes: content.length,
});

const receive = async (content: Buffer, announced: number | undefined = content.length) => {
  const incoming = await disk.receive(announced);
  for (let at = 0; at < content.length; at += 3_000) await incoming.write(content.subarray(at, at + 3_000));
  return incoming;
};

const store = async (file: StoredFile, content: Buffer): Promise<void> => {
  const incoming = await receive(content);
  await disk.store(incoming, file);
  await incoming.discard();
};

/** Allocated bytes of the distinct files under the cache's folder. */
const onDisk = async (): Promise<number> => {
  const inodes = new Map<number, number>();
  for (const entry of await readdir(folder.path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const stats = await stat(join(entry.parentPath, entry.name)).catch(absentIfMissing);
    if (stats) inodes.set(stats.ino, stats.blocks * 512);
  }
  return [...inodes.values()].reduce((sum, bytes) => sum + bytes, 0);
};

const stateOf = async (file: StoredFile): Promise<string> => {
  const whole = await disk.wholeBytes(file);
  const opened = await disk.open(file);
  if (opened.state === 'intact') await opened.handle.close();
  // What looks whole from outside is.
  if (whole !== undefined) expect(opened.state).toBe('intact');
  return opened.state;
};

describe('a look at the folder', () => {
  it('tells what a file takes where it stands alone and as it was stored, and nothing else', async () => {
    const content = contentOf('a');
    const file = fileOf(A, content);
    expect(await disk.wholeBytes(file)).toBeUndefined();
    await store(file, content);
    expect(await disk.wholeBytes(file)).toBe(await onDisk());
    const stray = join(disk.layout.assetFolder(A), 'stray');
    await writeFile(stray, '');
    expect(await disk.wholeBytes(file)).toBeUndefined();
    await rm(stray);
    expect(await disk.wholeBytes({ ...file, sizeBytes: 1 })).toBeUndefined();
    await utimes(disk.layout.blob(file.ownerKey, file.sha256), 1, 1);
    expect(await disk.wholeBytes(file)).toBeUndefined();
  });
});

describe('storing', () => {
  it('writes one file under both names, and counts its blocks once', async () => {
    const content = contentOf('a');
    const file = fileOf(A, content);
    await store(file, content);
    expect(await readFile(disk.layout.link(A, 'a.mp4'))).toEqual(content);
    const [link, blob] = await Promise.all([stat(disk.layout.link(A, 'a.mp4')), stat(disk.layout.blob(file.ownerKey, file.sha256))]);
    expect(link.ino).toBe(blob.ino);
    expect(await readdir(disk.layout.temporary)).toEqual([]);
    expect([budget.usedBytes, budget.reservedBytes]).toEqual([await onDisk(), 0]);
  });

  it('keeps the same content of one owner once, and of two owners twice', async () => {
    const content = contentOf('a');
    await Promise.all([store(fileOf(A, content), content), store(fileOf(B, content), content)]);
    const once = budget.usedBytes;
    expect(once).toBe(await onDisk());
    await store(fileOf(B, content, 'other'), content);
    expect(budget.usedBytes).toBe(2 * once);
    expect(budget.usedBytes).toBe(await onDisk());
  });

  it('gives bytes back with the last name only', async () => {
    const content = contentOf('a');
    await store(fileOf(A, content), content);
    await store(fileOf(B, content), content);
    expect(await disk.freedByRemoval(fileOf(A, content))).toBe(0);
    expect(await disk.remove(fileOf(A, content))).toBe(0);
    const expected = budget.usedBytes;
    expect(await disk.freedByRemoval(fileOf(B, content))).toBe(expected);
    expect(await disk.remove(fileOf(B, content))).toBe(expected);
    expect([budget.usedBytes, await onDisk()]).toEqual([0, 0]);
    expect(await disk.remove(fileOf(B, content))).toBe(0);
  });

  it('leaves one name in the folder of an asset that is stored again under another', async () => {
    const content = contentOf('a');
    await store(fileOf(A, content), content);
    await store(fileOf(A, content, 'dev', 'b.mp4'), content);
    expect(await readdir(disk.layout.assetFolder(A))).toEqual(['b.mp4']);
    expect(budget.usedBytes).toBe(await onDisk());
  });

  it('leaves nothing of a file that was given up', async () => {
    const incoming = await receive(contentOf('a'));
    await incoming.discard();
    await incoming.discard();
    expect([budget.usedBytes, budget.reservedBytes, await onDisk()]).toEqual([0, 0, 0]);
  });
});

describe('looking before serving', () => {
  const content = contentOf('a');
  const file = fileOf(A, content);
  const link = (): string => disk.layout.link(A, 'a.mp4');
  const blob = (): string => disk.layout.blob(file.ownerKey, file.sha256);
  beforeEach(() => store(file, content));

  it.each<[string, () => Promise<void>, string]>([
    ['untouched', async () => undefined, 'intact'],
    ['longer', () => appendFile(link(), 'x'), 'damaged'],
    ['shorter', () => truncate(link(), 100), 'damaged'],
    ['of the same length, written to', () => writeFile(link(), contentOf('b')), 'damaged'],
    ['merely touched', () => utimes(link(), 1, 1), 'intact'],
    ['copied back with another inode', () => copyFile(link(), `${link()}.new`).then(() => rename(`${link()}.new`, link())), 'intact'],
    ['deleted', () => rm(link()), 'missing'],
    ['without its blob', () => rm(blob()), 'intact'],
    ['a symbolic link', () => rm(link()).then(() => symlink(blob(), link())), 'damaged'],
    ['a folder', () => rm(link()).then(() => mkdir(link())), 'damaged'],
  ])('%s', async (_, change, expected) => {
    await change();
    expect(await stateOf(file)).toBe(expected);
    expect(await stateOf(file)).toBe(expected);
    if (expected === 'intact') expect([(await stat(link())).ino, budget.usedBytes]).toEqual([(await stat(blob())).ino, await onDisk()]);
  });

  it('puts a whole file in the place of a damaged blob when the content comes again', async () => {
    await truncate(blob(), 5);
    await store(file, content);
    expect(await stateOf(file)).toBe('intact');
    expect(budget.usedBytes).toBeGreaterThanOrEqual(await onDisk());
  });
});

describe('a crash after each step of a store', () => {
  const content = contentOf('a');
  const file = fileOf(A, content);
  const steps: [string, number][] = [
    ['received', 0],
    ['sealed', 1],
    ['renamed to the blob', 2],
    ['linked', 3],
  ];

  it.each(steps)('%s: a new start keeps a linked file, sweeps all else and counts right', async (_, done) => {
    const incoming = await receive(content);
    if (done >= 1) await disk.seal(incoming, file.sha256);
    if (done >= 2) await disk.toBlob(incoming, file);
    if (done >= 3) await disk.linkBlob(file);
    await incoming.close();

    disk = await CacheDisk.open(folder.path, new Budget(MAX_BYTES, full, volume));
    await sweepTemporary(disk.layout);
    const folders: string[] = [];
    for await (const found of assetFolders(disk.layout)) folders.push(found);
    const { usedBytes, swept } = await sweepBlobs(disk.layout, new Map());
    expect(folders).toEqual(done === 3 ? [A] : []);
    expect(swept).toBe(done === 2 ? 1 : 0);
    expect([usedBytes, await stateOf(file)]).toEqual([await onDisk(), done === 3 ? 'intact' : 'missing']);
  });
});

describe('the budget', () => {
  it('refuses a file that can never fit, with both sizes, and one that does not fit now, with what holds the room', async () => {
    await expect(disk.receive(MAX_BYTES + 1)).rejects.toMatchObject({ code: 'EXCEEDS_CACHE', category: 'too-large', details: { sizeBytes: MAX_BYTES + 1, maxBytes: MAX_BYTES } });
    const incoming = await disk.receive(MAX_BYTES - BLOCK_BYTES);
    const refusal = { code: 'CACHE_FULL', category: 'no-space', details: { neededBytes: 2 * BLOCK_BYTES, heldBy: { cached: 7, writing: MAX_BYTES - BLOCK_BYTES } } };
    await expect(disk.receive(BLOCK_BYTES + 1)).rejects.toMatchObject(refusal);
    await incoming.discard();
    await (await disk.receive(MAX_BYTES)).discard();
    expect(budget.reservedBytes).toBe(0);
  });

  it('reserves in steps where the length is unknown, less near the end, and refuses the byte too much', async () => {
    const large = new Budget(3 * STEP_BYTES, full, volume);
    const first = await large.reserve();
    await first.cover(1);
    expect(large.reservedBytes).toBe(STEP_BYTES);
    await first.cover(STEP_BYTES + 1);
    expect(large.reservedBytes).toBe(2 * STEP_BYTES);
    large.addUsed(BLOCK_BYTES);
    await first.cover(2 * STEP_BYTES + 1);
    large.addUsed(-BLOCK_BYTES);
    expect(large.reservedBytes).toBe(3 * STEP_BYTES - BLOCK_BYTES);
    await first.cover(3 * STEP_BYTES);
    const second = await large.reserve();
    await expect(second.cover(1)).rejects.toMatchObject({ code: 'CACHE_FULL' });
    first.settle(roundToBlocks(2 * STEP_BYTES + 1));
    await second.cover(1);
    second.release();
    expect([large.usedBytes, large.reservedBytes]).toEqual([roundToBlocks(2 * STEP_BYTES + 1), 0]);
  });

  it('breaks the youngest of unknown length off where none can go on, so that the oldest ends', async () => {
    const large = new Budget(3 * STEP_BYTES, full, volume);
    const [oldest, youngest] = [await large.reserve(), await large.reserve()];
    await oldest.cover(1);
    await youngest.cover(STEP_BYTES + 1);
    const goesOn = oldest.cover(2 * STEP_BYTES);
    await eventually(() => expect(youngest.broken.aborted).toBe(true));
    await expect(youngest.cover(2 * STEP_BYTES + 1)).rejects.toMatchObject({ code: 'CACHE_FULL' });
    youngest.release();
    await goesOn;
    expect(large.reservedBytes).toBe(2 * STEP_BYTES);
    const declared = large.reserve(2 * STEP_BYTES);
    await expect(declared).rejects.toMatchObject({ code: 'CACHE_FULL' });
    expect(oldest.broken.aborted).toBe(false);
  });

  it('is never exceeded on the disk by concurrent writers, and counts what is left', async () => {
    const writer = fc.record({ bytes: fc.integer({ min: 1, max: 1_500_000 }), announced: fc.boolean(), kept: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(writer, { minLength: 4, maxLength: 12 }), async (writers) => {
        let sampling = true;
        let highest = 0;
        const sampled = (async () => {
          while (sampling) highest = Math.max(highest, await onDisk());
        })();
        const results = await Promise.allSettled(
          writers.map(async ({ bytes, announced, kept }, index) => {
            const content = contentOf(String(index), bytes);
            const incoming = await disk.receive(announced ? bytes : undefined);
            try {
              for (let at = 0; at < bytes; at += 65_536) await incoming.write(content.subarray(at, at + 65_536));
              if (kept) await disk.store(incoming, fileOf(assetOf(index), content));
            } finally {
              await incoming.discard();
            }
          }),
        );
        sampling = false;
        await sampled;
        expect(highest).toBeLessThanOrEqual(MAX_BYTES);
        for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CACHE_FULL' });
        expect([budget.usedBytes, budget.reservedBytes]).toEqual([await onDisk(), 0]);
        for (const [index, { bytes }] of writers.entries()) await disk.remove(fileOf(assetOf(index), contentOf(String(index), bytes)));
        expect([budget.usedBytes, await onDisk()]).toEqual([0, 0]);
      }),
      { numRuns: rounds(5), seed: seed() },
    );
  });
});

const assetOf = (index: number): string => `33333333-3333-5333-8333-${String(index).padStart(12, '0')}`;

describe('the folder lock', () => {
  it('is had by one at a time, and says whose folder it is', () => {
    const { lockFile } = disk.layout;
    const first = FolderLock.take(lockFile, folder.path);
    expect(() => FolderLock.take(lockFile, folder.path)).toThrow(`Another cache-manager works on ${folder.path}.`);
    first.release();
    FolderLock.take(lockFile, folder.path).release();
  });
});
