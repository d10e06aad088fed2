// Makes one file of each service for the image, from dist/: our code alone; npm packages stay outside, because Nest loads
// its transports by name. Usage: node tools/images/bundle.js [folder]   (default dist/images)
const { build } = require('esbuild');
const { globSync } = require('node:fs');
const { join, resolve } = require('node:path');

const root = join(__dirname, '../..');
/** What belongs to development must not be in an image. */
const FOREIGN = /^dist\/tools\/|\/(testing|specs)\//;

async function bundle(service, folder) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`dist/apps/${service}/src/main.js`],
    outfile: join(folder, `${service}.js`),
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node24',
    keepNames: true,
    sourcemap: 'linked',
    metafile: true,
    logLevel: 'warning',
  });
  const foreign = Object.keys(metafile.inputs).find((file) => FOREIGN.test(file));
  if (foreign) throw new Error(`${service} would bring ${foreign} into its image.`);
}

async function main() {
  const folder = resolve(process.argv[2] ?? join(root, 'dist/images'));
  const services = globSync('dist/apps/*/src/main.js', { cwd: root }).map((file) => file.split('/')[2]);
  if (!services.length) throw new Error('There is nothing to bundle. Run node tools/build/build.js first.');
  await Promise.all(services.map((service) => bundle(service, folder)));
  process.stdout.write(`bundled ${services.sort().join(', ')}\n`);
}

main().catch((error) => {
  process.stderr.write(`${error.stack ?? error}\n`);
  process.exit(1);
});
