import { FerryError, type ErrorCategory } from '@ferry/kernel';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemOf } from './problem';

const ROOT = join(__dirname, '../../../..');
/** Errors of production code, as they are written: thrown with code and category, or listed in a table of a domain. */
const WRITTEN = [
  /\bnew FerryError\(\s*'(?<code>[A-Z][A-Z0-9_]+)',\s*'(?<category>[a-z-]+)'/g,
  /\b\w*Error\(\s*'(?<code>[A-Z][A-Z0-9_]+)'/g,
  /^\s+(?<code>[A-Z][A-Z0-9_]+): \[\s*'(?<category>[a-z-]+)',/gm,
  /\bcode: '(?<code>[A-Z][A-Z0-9_]+)', message: /g,
];
const files = globSync('{apps,libs}/**/*.ts', { cwd: ROOT }).filter((file) => !/\.spec\.ts$|\/(testing|specs)\//.test(file));
const rows = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').matchAll(/^\| `([A-Z0-9_]+)` \| ([0-9, ]+) \| (.+) \|$/gm);
const table = [...rows].map(([, code, statuses, meaning]) => ({ code: code!, statuses: statuses!.split(', ').map(Number), meaning: meaning! }));
const used = files.flatMap((file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return WRITTEN.flatMap((pattern) => [...text.matchAll(pattern)].map(({ groups }) => ({ file, code: groups!['code']!, category: groups!['category'] })));
});

describe('docs/errors.md', () => {
  it('is read against the code of every service', () => {
    for (const part of ['apps/gateway', 'apps/cache-manager', 'libs/kernel', 'libs/domain/transfer', 'libs/messaging']) {
      expect([part, used.some(({ file }) => file.startsWith(part))]).toEqual([part, true]);
    }
  });

  it('has every code that the code uses', () => {
    const missing = used.filter(({ code }) => !table.some((row) => row.code === code)).map(({ code, file }) => `${code} in ${file}`);
    expect(missing).toEqual([]);
  });

  it('has no code that nothing uses, and none twice', () => {
    const codes = table.map(({ code }) => code);
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
    expect(codes.filter((code) => !used.some((entry) => entry.code === code))).toEqual([]);
  });

  it('tells the status that the API answers', () => {
    const wrong = used.flatMap(({ code, category, file }) => {
      const row = table.find((candidate) => candidate.code === code);
      if (!row || !category) return [];
      const { status } = problemOf(new FerryError(code, category as ErrorCategory, ''), 'id');
      // NOT_CACHED ends a transfer with another status than a reader gets: the row says so in words.
      return row.statuses.includes(status) || row.meaning.includes(String(status)) ? [] : [`${code} is ${status} in ${file}`];
    });
    expect(wrong).toEqual([]);
  });
});
