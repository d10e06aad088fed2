import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

/** The workspace, or dist/ when this file runs compiled. */
const TREE = resolve(__dirname, '../../../..');
const WORKSPACE = basename(TREE) === 'dist' ? join(TREE, '..') : TREE;
/** Outlives builds and data folders; Node keys it by content. It halves the time to start. */
const COMPILE_CACHE = join(WORKSPACE, 'node_modules/.cache/ferry/compiled');

export const compiledMain = (project: string): string => join(WORKSPACE, 'dist', project, 'src/main.js');

/** A plain JavaScript file of the launcher, which is not compiled. */
export const launcherFile = (name: string): string => join(WORKSPACE, 'tools/devstack/launcher', name);

export function withCompileCache(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (env.NODE_COMPILE_CACHE) return env;
  mkdirSync(COMPILE_CACHE, { recursive: true });
  return { ...env, NODE_COMPILE_CACHE: COMPILE_CACHE };
}

/** Brings dist/, which every process runs from, up to date. For tests; `npm start` does it by itself. */
export function buildWorkspace(): void {
  execFileSync(process.execPath, [join(WORKSPACE, 'tools/build/build.js')], { cwd: WORKSPACE, stdio: ['ignore', 'ignore', 'inherit'] });
}
