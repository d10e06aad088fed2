// Builds dist/ unless it is already made from exactly these sources. Safe to call from several processes at once.
'use strict';

const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { DatabaseSync } = require('node:sqlite');

const root = join(__dirname, '../../..');
const stamp = join(root, 'dist', '.sources');
const LONGEST_BUILD_MS = 120_000;

function fingerprint() {
  const hash = createHash('sha256');
  const files = globSync('{apps,libs,tools}/**/*.{ts,js,mp4,mp3,png,json}', { cwd: root, exclude: (name) => name === 'node_modules' });
  for (const file of [...files, 'tsconfig.base.json', 'package-lock.json'].sort()) {
    const { size, mtimeMs } = statSync(join(root, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

const isBuilt = (sources) => existsSync(stamp) && readFileSync(stamp, 'utf8') === sources;

/** @throws Error with what the compiler said */
function ensureBuilt() {
  const cache = join(root, 'node_modules', '.cache', 'ferry');
  mkdirSync(cache, { recursive: true });
  // An SQLite lock ends with the process that holds it, whatever ends the process.
  const lock = new DatabaseSync(join(cache, 'build.lock'), { timeout: LONGEST_BUILD_MS });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    const sources = fingerprint();
    if (isBuilt(sources)) return;
    const { status, stderr, error } = spawnSync(process.execPath, [join(root, 'tools/build/build.js')], { cwd: root, encoding: 'utf8', timeout: LONGEST_BUILD_MS });
    if (status !== 0) throw new Error(`The build failed:\n${error ? error.message : stderr}`);
    writeFileSync(stamp, sources);
  } finally {
    lock.close();
  }
}

module.exports = { ensureBuilt };
