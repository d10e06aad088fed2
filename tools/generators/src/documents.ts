import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationTable } from './configuration';
import { eventsPage } from './events';
import { providersPage } from './providers';
import { ROOT, Sources } from './sources';
import { subjectsPage } from './subjects';

/** One file that is made from the code, wholly or between two marks. */
export interface Document {
  /** From the root. */
  readonly path: string;
  readonly text: string;
}

/** @throws Error where the marks are not there */
export const between = (text: string, name: string, content: string): string => {
  const [begin, end] = [`<!-- ${name}: made by \`npm run docs\` -->`, `<!-- ${name}: end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`The marks "${begin}" and "${end}" are missing.`);
  return `${text.slice(0, from)}${begin}\n\n${content}\n\n${text.slice(to)}`;
};

/** All generated documents as they should be now. */
export const documents = async (): Promise<Document[]> => {
  const sources = new Sources();
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  return [
    { path: 'docs/generated/events.md', text: eventsPage(sources) },
    { path: 'docs/generated/subjects.md', text: subjectsPage(sources) },
    { path: 'docs/generated/providers.md', text: await providersPage() },
    { path: 'README.md', text: between(readme, 'configuration', configurationTable(sources)) },
  ];
};
