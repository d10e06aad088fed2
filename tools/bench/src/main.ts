import { globSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Progress } from './progress';

/** Prints one line. */
export type Print = (line: string) => void;

/** One figure. `pass` is absent where there is no goal. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: string;
  readonly pass?: boolean;
}

interface Part {
  /** May give its figures, for `--json`. */
  run(print: Print): Promise<void | readonly Figure[]>;
}

const USAGE = 'usage: npm run bench -- GROUP [PART]... [--json]';

const groups = (): string[] =>
  readdirSync(__dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

/** The parts of a group by name: each is a file `<part>.bench` in the group's folder. */
function partsOf(group: string): Map<string, string> {
  const files = globSync('*.bench.{js,ts}', { cwd: join(__dirname, group) }).toSorted();
  return new Map(files.map((file) => [basename(file).replace(/\.bench\.[jt]s$/, ''), join(__dirname, group, file)]));
}

async function main(options: string[]): Promise<void> {
  const json = options.includes('--json');
  const [group = '', ...wanted] = options.filter((option) => option !== '--json');
  if (!groups().includes(group)) throw new Error(`${USAGE}; the groups are: ${groups().join(', ')}`);
  const parts = partsOf(group);
  const unknown = wanted.find((name) => !parts.has(name));
  if (unknown) throw new Error(`${group} has no part ${unknown}; it has: ${[...parts.keys()].join(', ')}`);
  const progress = new Progress(process.stdout);
  const rows: Figure[] = [];
  for (const [name, file] of parts) {
    if (wanted.length && !wanted.includes(name)) continue;
    const { run } = (await import(file)) as Part;
    const figures = await progress.during(`${group} ${name}`, () => run((line) => progress.print(line)));
    rows.push(...(figures ?? []));
  }
  if (json) progress.print(JSON.stringify({ area: group, rows }));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
