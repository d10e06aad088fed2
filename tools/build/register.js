// Runs TypeScript without a build: `node -r ./tools/build/register.js file.ts`. Decorator metadata and @ferry/* aliases
// come out as in the build.
const { transformSync } = require('@swc/core');
const { readFileSync } = require('node:fs');
const { root, paths, swcOptions } = require('./swc-options');

process.setSourceMapsEnabled(true);

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    ...swcOptions,
    filename,
    sourceMaps: 'inline',
    jsc: { ...swcOptions.jsc, baseUrl: root, paths },
  });
  module._compile(code, filename);
};
