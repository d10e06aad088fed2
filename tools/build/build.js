// Compiles apps/, libs/ and tools/ into dist/ with the same tree, and rewrites the @ferry/* aliases to relative paths.
const { transformFile } = require('@swc/core');
const { globSync } = require('node:fs');
const { mkdir, writeFile, rm, cp } = require('node:fs/promises');
const { dirname, join } = require('node:path');
const { root, paths, swcOptions } = require('./swc-options');

const IGNORED = /node_modules|\.spec\.ts$|\.d\.ts$/;

async function compile(file) {
  const { code, map } = await transformFile(join(root, file), {
    ...swcOptions,
    jsc: { ...swcOptions.jsc, baseUrl: root, paths },
  });
  const target = join(root, 'dist', file.replace(/\.ts$/, '.js'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, `${code}\n//# sourceMappingURL=${target.split('/').pop()}.map\n`);
  await writeFile(`${target}.map`, map);
}

async function main() {
  const started = performance.now();
  await rm(join(root, 'dist'), { recursive: true, force: true });
  const sources = globSync('{apps,libs,tools}/**/*.ts', { cwd: root }).filter((file) => !IGNORED.test(file));
  await Promise.all(sources.map(compile));
  for (const asset of globSync('{apps,libs,tools}/**/fixtures/*.{mp4,mp3,json}', { cwd: root })) {
    await cp(join(root, asset), join(root, 'dist', asset));
  }
  process.stdout.write(`built ${sources.length} files in ${Math.round(performance.now() - started)} ms\n`);
}

main().catch((error) => {
  process.stderr.write(`${error.stack ?? error}\n`);
  process.exit(1);
});
