// Lints texts as if they stood at the given paths: [{ path, code }] as JSON on stdin, the rules that bit as JSON on stdout.
import { createProjectGraphAsync } from '@nx/devkit';
import { ESLint } from 'eslint';
import { text } from 'node:stream/consumers';

const planted = JSON.parse(await text(process.stdin));
await createProjectGraphAsync(); // without it the boundary rule skips, and passes
const eslint = new ESLint({ cwd: process.cwd() });
const bites = [];
for (const { path, code } of planted) {
  const [result] = await eslint.lintText(code, { filePath: path });
  bites.push((result?.messages ?? []).map(({ ruleId, message }) => ({ ruleId, message })));
}
process.stdout.write(`\n${JSON.stringify(bites)}\n`);
process.exit(0);
