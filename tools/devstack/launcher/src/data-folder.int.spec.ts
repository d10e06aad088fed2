import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, spawnTs, tempDir, type TempDir } from '@ferry/testing/specs';
import { DataFolder } from './data-folder';

const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);

describe('DataFolder', () => {
  let parent: TempDir;
  let path: string;
  beforeEach(async () => {
    parent = await tempDir('ferry-data-');
    path = join(parent.path, 'new', 'data');
  });
  afterEach(() => parent.remove());

  it('makes the folder and keys for this user only, once', async () => {
    const folder = await DataFolder.open(path);
    const { key, file, keysFile } = folder.developmentKey();
    expect(key).toMatch(/^ferry_dev_[A-Za-z0-9_-]{43}$/);
    expect([mode(path), mode(file), mode(keysFile)]).toEqual(['700', '600', '600']);
    expect(JSON.parse(readFileSync(keysFile, 'utf8'))).toEqual([
      { name: 'dev', sha256: createHash('sha256').update(key).digest('hex'), owner: 'dev', scopes: ['admin'] },
    ]);
    const secret = folder.secret('cache-url-secret');
    folder.close();

    const again = await DataFolder.open(path);
    expect(again.developmentKey().key).toBe(key);
    expect(again.secret('cache-url-secret')).toBe(secret);
    expect(secret).not.toBe(again.secret('another'));
    again.close();
  });

  it('keeps the keys that the user added', async () => {
    const folder = await DataFolder.open(path);
    const { keysFile } = folder.developmentKey();
    const other = { name: 'other', sha256: 'a'.repeat(64), owner: 'other', scopes: [] };
    writeFileSync(keysFile, JSON.stringify([other]));
    folder.developmentKey();
    expect((JSON.parse(readFileSync(keysFile, 'utf8')) as { name: string }[]).map(({ name }) => name)).toEqual(['dev', 'other']);
    folder.close();
  });

  it('is used by one system at a time, names that one, and is free when it was killed', async () => {
    const holder = join(parent.path, 'holder.ts');
    writeFileSync(holder, `import { DataFolder } from '${join(__dirname, 'data-folder')}';
      void DataFolder.open(process.argv[2]!).then(() => { console.log('open'); setInterval(() => {}, 1000); });`);
    const other = spawnTs(holder, [path]);
    await other.waitForLine(/^open$/, 10_000);
    await expect(DataFolder.open(path)).rejects.toThrow(`${path} is in use by the system with process id ${other.pid}. Stop that one,`);
    await other.kill('SIGKILL');
    (await DataFolder.open(path)).close();
  });

  it('waits for what a killed launcher left running', async () => {
    const idle = join(parent.path, 'idle.ts');
    writeFileSync(idle, `console.log('up'); process.stdin.resume(); setInterval(() => {}, 1000);`);
    const left = spawnTs(idle);
    await left.waitForLine(/^up$/, 10_000);
    const before = await DataFolder.open(path);
    before.recordProcesses({ left: left.pid });
    const record = readFileSync(before.file('processes.json'), 'utf8');
    before.close();
    writeFileSync(join(path, 'processes.json'), record);

    let opened = false;
    const opening = DataFolder.open(path).then((folder) => {
      opened = true;
      return folder;
    });
    await eventually(() => expect(readFileSync(join(path, 'processes.json'), 'utf8')).toBe(record));
    expect(opened).toBe(false);
    await left.kill();
    (await opening).close();
    expect(opened).toBe(true);
  });
});
