import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { Budget, roundToBlocks } from './budget';
import { CacheDisk } from './cache-disk';
import type { IncomingFile } from './incoming-file';
import { ownerKeyOf } from './layout';
import type { StoredFile } from './stored-file';
import { Volume } from './volume';

const content = Buffer.alloc(10_000, 'a');
const file: StoredFile = {
  assetId: '11111111-1111-5111-8111-111111111111',
  filename: 'a.mp4',
  ownerKey: ownerKeyOf('dev'),
  sha256: createHash('sha256').update(content).digest('hex'),
  sizeBytes: content.length,
};

let folder: TempDir;
let budget: Budget;
let disk: CacheDisk;
beforeEach(async () => {
  folder = await tempDir('ferry-open-');
  budget = new Budget(1024 ** 2, { makeRoom: () => Promise.resolve(false), heldBy: () => ({}) }, await Volume.of(folder.path, 0));
  disk = await CacheDisk.open(folder.path, budget);
});
afterEach(() => folder.remove());

const receive = async (): Promise<IncomingFile> => {
  const incoming = await disk.receive(content.length);
  await incoming.write(content);
  return incoming;
};
const store = async (): Promise<void> => {
  const incoming = await receive();
  await disk.store(incoming, file);
  await incoming.discard();
};

describe('a file that is still being read', () => {
    const opened = async () => {
    const found = await disk.open(file);
    if (found.state !== 'intact') throw new Error(found.state);
    return found.handle;
  };

  it('takes room until its last reader has closed it, though it has no name any more', async () => {
    await store();
    const taken = budget.usedBytes;
    const readers = [await opened(), await opened()];
    expect(await disk.remove(file)).toBe(0);
    expect(await readdir(disk.layout.assets)).toEqual([]);
    expect(budget.usedBytes).toBe(taken);
    await readers[0]!.close();
    expect(budget.usedBytes).toBe(taken);
    expect((await readers[1]!.readFile()).equals(content)).toBe(true);
    await readers[1]!.close();
    expect(budget.usedBytes).toBe(0);
  });

  it('is counted also where it is opened while it goes', async () => {
    await store();
    const taken = budget.usedBytes;
    const [found] = await Promise.all([disk.open(file), disk.remove(file)]);
    if (found.state === 'intact') {
      expect(budget.usedBytes).toBe(taken);
      await found.handle.close();
    }
    await eventually(() => expect(budget.usedBytes).toBe(0));
  });

  it('keeps its room where it was given up while it grew', async () => {
    const incoming = await receive();
    const reader = await incoming.openToRead();
    await incoming.discard();
    expect(await readdir(disk.layout.temporary)).toEqual([]);
    expect(budget.reservedBytes).toBe(roundToBlocks(content.length));
    await reader.close();
    expect(budget.reservedBytes).toBe(0);
  });
});
