// The image's entry: runs the service that is named. Usage: service.js <service>
const { readdirSync } = require('node:fs');
const { join } = require('node:path');

const folder = join(__dirname, 'services');
const known = readdirSync(folder).filter((file) => file.endsWith('.js')).map((file) => file.slice(0, -'.js'.length));
const name = process.argv[2];
if (!known.includes(name)) {
  process.stderr.write(`Name one service: ${known.join(', ')}.\n`);
  process.exit(2);
}
require(join(folder, `${name}.js`));
