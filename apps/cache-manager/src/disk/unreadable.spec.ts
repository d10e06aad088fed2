import { tempDir } from '@ferry/testing/specs';
import { spawnSync } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';

const REGISTER = join(__dirname, '../../../../tools/build/register.js');
const NOBODY = 65_534;

/** Stores a file as root, then drops its privileges: what it may do then, and what a look as root finds afterwards. */
const program = (folder: string): string => `
  const { Budget } = require('./budget'); const { CacheDisk } = require('./cache-disk'); const { Volume } = require('./volume');
  const content = Buffer.alloc(10000, 'a');
  const sha256 = require('node:crypto').createHash('sha256').update(content).digest('hex');
  const file = { assetId: '11111111-1111-5111-8111-111111111111', filename: 'a.mp4', ownerKey: 'a'.repeat(32), sha256, sizeBytes: content.length };
  const codeOf = (work) => work.then(() => 'done', ({ code, category }) => code + ' ' + category);
  (async () => {
    const budget = new Budget(1024 ** 2, { makeRoom: async () => false, heldBy: () => ({}) }, await Volume.of(${JSON.stringify(folder)}, 0));
    const disk = await CacheDisk.open(${JSON.stringify(folder)}, budget);
    const receive = async () => { const incoming = await disk.receive(content.length); await incoming.write(content); await disk.store(incoming, file); };
    await receive();
    const used = budget.usedBytes;
    process.setegid(${NOBODY}); process.seteuid(${NOBODY});
    const seen = [await codeOf(disk.open(file)), await codeOf(receive()), await codeOf(disk.remove(file)), budget.usedBytes - used, budget.reservedBytes];
    process.seteuid(0); process.setegid(0);
    const opened = await disk.open(file);
    console.log(JSON.stringify([...seen, opened.state]));
    await opened.handle.close();
  })();`;

const name = 'a folder that may not be read refuses by name, loses nothing, and is used again when it may be';
const work = async (): Promise<void> => {
  const folder = await tempDir('ferry-unreadable-');
  await chmod(folder.path, 0o755);
  const { stdout, stderr } = spawnSync(process.execPath, ['-r', REGISTER, '-e', program(folder.path)], { cwd: __dirname, encoding: 'utf8' });
  await folder.remove();
  const refused = 'CACHE_UNAVAILABLE unavailable';
  expect([stdout.trim(), stderr]).toEqual([JSON.stringify([refused, refused, refused, 0, 0, 'intact']), '']);
};
if (process.getuid?.() === 0) it(name, work);
else it.skip(`${name} (only root can give up privileges)`, work);
