// `npm start` and `npm run demo`: one process from the first check to the last stop, so that a signal to it reaches all.
// Usage: node run.cjs <compiled main, relative to dist> [arguments]. Old syntax until Node's version is known.
'use strict';

var path = require('path');
var fs = require('fs');
var spawnSync = require('child_process').spawnSync;
var nodeProblem = require('./check-node.cjs').nodeProblem;

var root = path.join(__dirname, '../../..');

function problem() {
  var node = nodeProblem(process.version);
  if (node) return node;
  if (!fs.existsSync(path.join(root, 'node_modules/@swc/core'))) return 'The packages are not installed: run `npm ci` in ' + root + ' first.';
  var build = spawnSync(process.execPath, [path.join(root, 'tools/build/build.js')], { cwd: root, encoding: 'utf8' });
  return build.status === 0 ? undefined : 'The build failed:\n' + build.stderr;
}

var found = problem();
if (found) {
  console.error(found);
  process.exit(1);
}
var main = path.join(root, 'dist', process.argv[2]);
process.argv.splice(1, 2, main);
require(main).main();
