import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { ApiKeys } from './api-keys';

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const FIRST = { name: 'first', sha256: hashOf('first-key'), owner: 'alice' };
const SECOND = { name: 'second', sha256: hashOf('second-key'), owner: 'bob', scopes: ['admin'] };
let logged = '';
const logger = pino({ name: 'specs' }, { write: (line) => void (logged += line) });

let directory: TempDir;
let path: string;

beforeEach(async () => {
  directory = await tempDir('ferry-keys-');
  path = join(directory.path, 'keys.json');
});
afterEach(() => directory.remove());

const write = (keys: unknown) => writeFile(path, typeof keys === 'string' ? keys : JSON.stringify(keys));

it('knows whose key it is', async () => {
  await write([FIRST, SECOND]);
  const keys = await ApiKeys.open(path, logger);
  expect(await keys.callerOf('first-key')).toEqual({ owner: 'alice', actor: 'first', admin: false });
  expect(await keys.callerOf('second-key')).toEqual({ owner: 'bob', actor: 'second', admin: true });
  expect(await keys.callerOf(FIRST.sha256)).toBeUndefined();
});

it('takes a change of the file over while it runs', async () => {
  await write([FIRST]);
  const keys = await ApiKeys.open(path, logger);
  await write([SECOND]);
  await eventually(async () => expect(await keys.callerOf('second-key')).toBeDefined());
  expect(await keys.callerOf('first-key')).toBeUndefined();
});

it('keeps the keys it has when the file becomes invalid', async () => {
  await write([FIRST]);
  const keys = await ApiKeys.open(path, logger);
  await write('[{"name": "fir');
  await eventually(async () => {
    expect(await keys.callerOf('first-key')).toBeDefined();
    expect(logged).toContain('the keys read before stay');
  });
  expect(await keys.callerOf('first-key')).toBeDefined();
});

it.each([
  ['is not JSON', '[', 'is not JSON'],
  ['is no list', '{}', 'must hold a list of at least one key'],
  ['is empty', [], 'must hold a list of at least one key'],
  ['has a key in clear text', [{ name: 'a', key: 'x', owner: 'alice' }], 'entry 0 is not valid: sha256'],
  ['has a wrong owner', [FIRST, { ...SECOND, owner: 'b.c' }], 'entry 1 is not valid: owner'],
  ['has an unknown scope', [{ ...FIRST, scopes: ['root'] }], 'entry 0 is not valid: scopes'],
  ['names two keys alike', [FIRST, { ...SECOND, name: 'first' }], 'entry 1 repeats the name of another one'],
  ['has one key twice', [FIRST, { ...SECOND, sha256: FIRST.sha256 }], 'entry 1 repeats the sha256 of another one'],
])('refuses a file that %s', async (_, keys, reason) => {
  await write(keys);
  await expect(ApiKeys.open(path, logger)).rejects.toThrow(reason);
});

it('says that the file is missing', async () => {
  await expect(ApiKeys.open(path, logger)).rejects.toThrow(`API_KEYS_FILE ${path} cannot be read: ENOENT`);
});
