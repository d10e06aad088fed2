// Compiles apps/, libs/ and tools/ into dist/ with the same tree, and rewrites the @ferry/* aliases to relative paths.
// Only what changed is compiled; what has no source any more is removed.
const { transformFile } = require('@swc/core');
const { globSync, statSync } = require('node:fs');
const { mkdir, writeFile, rm, copyFile, rename } = require('node:fs/promises');
const { dirname, join } = require('node:path');
const { root, paths, swcOptions } = require('./swc-options');

const IGNORED = /node_modules|\/testing\/|\.spec\.ts$|\.d\.ts$/;
const CONFIGURATION = ['tsconfig.base.json', 'tools/build/swc-options.js', 'tools/build/build.js', 'package-lock.json'];

const targetOf = (file) => join(root, 'dist', file.replace(/\.ts$/, '.js'));
const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** A reader sees the old file or the new one, never half of one. */
async function replace(target, content) {
  const partial = `${target}.${process.pid}.tmp`;
  await writeFile(partial, content);
  await rename(partial, target);
}

async function compile(file) {
  const { code, map } = await transformFile(join(root, file), { ...swcOptions, jsc: { ...swcOptions.jsc, baseUrl: root, paths } });
  const target = targetOf(file);
  await mkdir(dirname(target), { recursive: true });
  await replace(`${target}.map`, map);
  await replace(target, `${code}\n//# sourceMappingURL=${target.split('/').pop()}.map\n`);
}

async function copy(file) {
  const target = targetOf(file);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(join(root, file), target);
}

async function main() {
  const started = performance.now();
  const sources = globSync('{apps,libs,tools}/**/*.ts', { cwd: root }).filter((file) => !IGNORED.test(file));
  const assets = globSync('{apps,libs,tools}/**/fixtures/*.{mp4,mp3,png,json}', { cwd: root });
  const configured = Math.max(...CONFIGURATION.map((file) => modified(join(root, file))));
  const stale = (file) => modified(targetOf(file)) < Math.max(modified(join(root, file)), configured);
  const changed = sources.filter(stale);
  await Promise.all([...changed.map(compile), ...assets.filter(stale).map(copy)]);
  const wanted = new Set([...sources, ...assets].map(targetOf));
  const left = globSync('dist/{apps,libs,tools}/**/*.{js,map,mp4,mp3,png,json}', { cwd: root }).map((file) => join(root, file));
  await Promise.all(left.filter((file) => !wanted.has(file.replace(/\.map$/, ''))).map((file) => rm(file)));
  process.stdout.write(`built ${changed.length} of ${sources.length} files in ${Math.round(performance.now() - started)} ms\n`);
}

main().catch((error) => {
  process.stderr.write(`${error.stack ?? error}\n`);
  process.exit(1);
});
