import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { between, documents, type Document } from './documents';
import { ROOT } from './sources';

describe('the documents that are made from the code', () => {
  let made: Document[];
  beforeAll(async () => {
    made = await documents();
  }, 120_000);

  it.each(['docs/generated/events.md', 'docs/generated/subjects.md', 'docs/generated/providers.md', 'README.md'])(
    '%s is as the code is now; if not: npm run docs',
    (path) => {
      const { text } = made.find((document) => document.path === path)!;
      expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
    },
  );

  it('tell of every stream, with its one writer', () => {
    const { text } = made.find(({ path }) => path.endsWith('events.md'))!;
    const streams = [...text.matchAll(/^## `([a-z]+-)\*`\n\nWritten by `([a-z-]+)`/gm)].map(([, stream, writer]) => `${stream}: ${writer}`);
    expect(streams).toEqual([
      'asset-: asset-catalog',
      'cache-: cache-manager',
      'access-: cache-manager',
      'download-: transfer',
      'lineage-: lineage',
      'branch-: lineage',
      'transfer-: transfer',
      'usage-: transfer',
      'warming-: transfer',
    ]);
  });
});

describe('between', () => {
  it('replaces what stands between the marks and nothing else', () => {
    const marked = (content: string) => `before\n<!-- x: made by \`npm run docs\` -->\n\n${content}\n\n<!-- x: end -->\nafter\n`;
    expect(between(marked('old'), 'x', 'new')).toBe(marked('new'));
  });

  it('refuses a text without the marks', () => {
    expect(() => between('before', 'x', 'new')).toThrow('missing');
  });
});
