import { createPolicy, POLICY_NAMES, type EvictionPolicy, type PolicyName } from '@ferry/eviction';
import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Figure, Print } from '../main';
import { figure, median } from '../measure';
import { random } from './workloads';

const SIZES = [10_000, 100_000, 1_000_000];
const OPERATIONS = 200_000;
const SAMPLES = 3;
/** With a hundred times the files. What walks over all of them would be at 0.01; the logarithm costs a third, memory that is farther away the rest. */
const FLAT = 0.2;
const PER_MINUTE = 1_000;

interface Measured {
  readonly perSecond: number;
  readonly bytesPerFile: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

/** In turns one file of any is used, and the next is evicted for one that comes. */
const work = (policy: EvictionPolicy, ids: string[], from: number): void => {
  const next = random(from);
  for (let at = 0; at < OPERATIONS; at += 2) {
    const minute = Math.floor((from + at) / PER_MINUTE);
    policy.touch(ids[Math.floor(next() * ids.length)]!, minute);
    const victim = policy.next()!;
    policy.remove(victim);
    policy.put({ assetId: victim, sizeBytes: 1 + Math.floor(next() * 1e8) }, minute);
  }
};

const measure = (name: PolicyName, files: number): Measured => {
  // In one piece each, as they come from events; as randomUUID puts them together, whoever reads one first would change the memory.
  const ids = Array.from({ length: files }, () => Buffer.from(randomUUID()).toString('latin1'));
  const next = random(files);
  const before = heap();
  const policy = createPolicy(name);
  ids.forEach((assetId, at) => policy.put({ assetId, sizeBytes: 1 + Math.floor(next() * 1e8) }, Math.floor(at / PER_MINUTE)));
  const bytesPerFile = (heap() - before) / files;
  const rates = Array.from({ length: SAMPLES }, (_, sample) => {
    const started = performance.now();
    work(policy, ids, files + sample * OPERATIONS);
    return (OPERATIONS / (performance.now() - started)) * 1_000;
  });
  return { perSecond: median(rates), bytesPerFile };
};

/** Touches and evictions a second, half of each, and the memory of a file beside its id, which the cache has anyway. */
export async function run(print: Print): Promise<Figure[]> {
  const rows: Figure[] = [];
  print(`${'operations/s (bytes a file)'.padEnd(30)}${SIZES.map((size) => size.toLocaleString('en').padStart(20)).join('')}`);
  for (const name of POLICY_NAMES) {
    const measured = SIZES.map((files) => measure(name, files));
    print(name.padEnd(30) + measured.map(({ perSecond, bytesPerFile }) => `${figure(perSecond)} (${Math.round(bytesPerFile)})`.padStart(20)).join(''));
    measured.forEach(({ perSecond, bytesPerFile }, at) => {
      const of = `${name}, ${SIZES[at]!.toLocaleString('en')} files`;
      rows.push({ name: `${of}: touches and evictions`, value: Math.round(perSecond), unit: '1/s' }, { name: `${of}: memory`, value: Math.round(bytesPerFile), unit: 'B/file' });
    });
    const share = measured.at(-1)!.perSecond / measured[0]!.perSecond;
    rows.push({ name: `${name}: speed at ${SIZES.at(-1)!.toLocaleString('en')} files as a share of that at ${SIZES[0]!.toLocaleString('en')}`, value: Number(share.toFixed(2)), unit: 'ratio', goal: `>= ${FLAT}`, pass: share >= FLAT });
  }
  for (const { name, value, goal, pass } of rows.filter((row) => row.goal)) print(`${name}: ${value}, goal ${goal}: ${pass ? 'pass' : 'missed'}`);
  return rows;
}
