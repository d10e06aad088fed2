// Runs TypeScript without a build: `node -r ./tools/build/register.js file.ts`. Decorator metadata and @ferry/* aliases
// come out as in the build. What was compiled once, by its content, is not compiled again.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { enableCompileCache, setSourceMapsSupport } = require('node:module');
const { join } = require('node:path');
const { root, paths, swcOptions } = require('./swc-options');

const CACHE = join(root, 'node_modules/.cache/ferry');
const JAVASCRIPT = join(CACHE, 'javascript');
const options = { ...swcOptions, sourceMaps: 'inline', jsc: { ...swcOptions.jsc, baseUrl: root, paths } };
const { version } = JSON.parse(readFileSync(join(root, 'node_modules/@swc/core/package.json'), 'utf8'));
const configuration = JSON.stringify([version, options]);

// Maps of packages cost a tenth of a start, and nobody looks into packages.
setSourceMapsSupport(true, { nodeModules: false });
enableCompileCache(join(CACHE, 'compiled'));
mkdirSync(JAVASCRIPT, { recursive: true });

const kept = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Many processes may keep the same file at the same time: each one reads all of it or nothing. */
const keep = (path, code) => {
  const partial = `${path}.${process.pid}.tmp`;
  writeFileSync(partial, code);
  renameSync(partial, path);
};

const compiled = (filename) => {
  const source = readFileSync(filename, 'utf8');
  const path = join(JAVASCRIPT, `${createHash('sha256').update(configuration).update(filename).update(source).digest('hex')}.js`);
  const known = kept(path);
  if (known !== undefined) return known;
  // Only here: loading the compiler takes longer than compiling a file.
  const { code } = require('@swc/core').transformSync(source, { ...options, filename });
  keep(path, code);
  return code;
};

require.extensions['.ts'] = (module, filename) => module._compile(compiled(filename), filename);
