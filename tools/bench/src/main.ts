import { globSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Progress } from './progress';

/** Prints one line. */
export type Print = (line: string) => void;

interface Part {
  run(print: Print): Promise<void>;
}

const USAGE = 'usage: npm run bench -- GROUP [PART]...';

const groups = (): string[] =>
  readdirSync(__dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

/** The parts of a group by name: each is a file `<part>.bench` in the group's folder. */
function partsOf(group: string): Map<string, string> {
  const files = globSync('*.bench.{js,ts}', { cwd: join(__dirname, group) }).toSorted();
  return new Map(files.map((file) => [basename(file).replace(/\.bench\.[jt]s$/, ''), join(__dirname, group, file)]));
}

async function main([group = '', ...wanted]: string[]): Promise<void> {
  if (!groups().includes(group)) throw new Error(`${USAGE}; the groups are: ${groups().join(', ')}`);
  const parts = partsOf(group);
  const unknown = wanted.find((name) => !parts.has(name));
  if (unknown) throw new Error(`${group} has no part ${unknown}; it has: ${[...parts.keys()].join(', ')}`);
  const progress = new Progress(process.stdout);
  for (const [name, file] of parts) {
    if (wanted.length && !wanted.includes(name)) continue;
    const { run } = (await import(file)) as Part;
    await progress.during(`${group} ${name}`, () => run((line) => progress.print(line)));
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
