import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './sources';

const PAGES = globSync('{*.md,docs/**/*.md,tools/**/*.md}', { cwd: ROOT, exclude: (name) => name === 'node_modules' }).sort();
const SCRIPTS = Object.keys((JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }).scripts);

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** As GitHub makes them of headings. */
const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));

const isBroken = (page: string, link: string): boolean => {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, target))) return true;
  return anchor !== undefined && !anchorsOf(target).includes(anchor);
};

describe('the pages', () => {
  it('are those that a newcomer looks for', () => {
    expect(PAGES).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/devstack.md', 'docs/errors.md']));
  });

  it.each(PAGES)('%s links to nothing that is not there', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link]) => link!);
    expect(links.filter((link) => isBroken(page, link))).toEqual([]);
  });

  it.each(PAGES)('%s names no npm script that is not there', (page) => {
    const named = [...read(page).matchAll(/\bnpm run ([a-z][a-z:]+)/g)].map(([, script]) => script!);
    expect(named.filter((script) => !SCRIPTS.includes(script))).toEqual([]);
  });

  it('have the headings that the lint messages name', () => {
    expect(anchorsOf('CONTRIBUTING.md')).toContain('rules');
    expect(anchorsOf('docs/architecture.md')).toContain('layers');
  });
});
