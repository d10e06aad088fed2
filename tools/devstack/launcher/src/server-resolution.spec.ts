import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir, type TempDir } from '@ferry/testing/specs';
import { resolveServer } from './server-resolution';

describe('resolveServer', () => {
  let folder: TempDir;
  beforeAll(async () => {
    folder = await tempDir('ferry-path-');
    for (const program of ['nats-server', 'mongod']) {
      await writeFile(join(folder.path, program), '#!/bin/sh\n');
      await chmod(join(folder.path, program), 0o755);
    }
  });
  afterAll(() => folder.remove());

  it('takes a URL of the environment as it is, whatever is on the PATH', () => {
    const found = resolveServer('nats', { NATS_URL: 'nats://elsewhere:4222' }, folder.path);
    expect(found).toEqual({ kind: 'nats', from: 'environment', url: 'nats://elsewhere:4222', variable: 'NATS_URL' });
  });

  it('takes an empty variable for an absent one', () => {
    expect(resolveServer('eventstore', { EVENTSTORE_URL: '' }, '')).toEqual({ kind: 'eventstore', from: 'embedded' });
  });

  it('finds the first real server on the PATH', () => {
    const path = `/no/such/folder:${folder.path}:/usr/bin`;
    expect(resolveServer('nats', {}, path)).toEqual({ kind: 'nats', from: 'binary', binary: join(folder.path, 'nats-server') });
    expect(resolveServer('mongodb', {}, path)).toEqual({ kind: 'mongodb', from: 'binary', binary: join(folder.path, 'mongod') });
  });

  it('passes over a folder and a file of that name that cannot be run', async () => {
    const other = await tempDir('ferry-path-');
    await mkdir(join(other.path, 'nats-server'));
    await writeFile(join(other.path, 'mongod'), '');
    await chmod(join(other.path, 'mongod'), 0o644);
    expect(resolveServer('nats', {}, other.path).from).toBe('embedded');
    // root may run nothing either that has no x bit at all
    expect(resolveServer('mongodb', {}, other.path).from).toBe('embedded');
    await other.remove();
  });

  it('embeds where nothing else is, and where it is told to', () => {
    expect(resolveServer('nats', {}, '')).toEqual({ kind: 'nats', from: 'embedded' });
    expect(resolveServer('nats', { FERRY_EMBEDDED: 'mongodb, nats' }, folder.path)).toEqual({ kind: 'nats', from: 'embedded' });
    expect(resolveServer('mongodb', { FERRY_EMBEDDED: 'nats' }, folder.path).from).toBe('binary');
  });

  it('refuses a name that it does not know, and two answers to one question', () => {
    expect(() => resolveServer('nats', { FERRY_EMBEDDED: 'kafka' }, '')).toThrow('FERRY_EMBEDDED names "kafka". Known: nats, eventstore, mongodb.');
    expect(() => resolveServer('nats', { FERRY_EMBEDDED: 'nats', NATS_URL: 'nats://x' }, '')).toThrow('NATS_URL is set too');
  });
});
