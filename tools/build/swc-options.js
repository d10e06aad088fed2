// The one place that says how TypeScript becomes JavaScript here: the build, and jest through its own config, both use it.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '../..');
const { paths } = JSON.parse(readFileSync(join(root, 'tsconfig.base.json'), 'utf8')).compilerOptions;

/** swc options; Nest's injection needs the decorator metadata, which type stripping does not write. */
const swcOptions = {
  swcrc: false,
  configFile: false,
  module: { type: 'commonjs' },
  sourceMaps: true,
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
};

module.exports = { root, paths, swcOptions };
