import { createPolicy, POLICY_NAMES, type PolicyName } from '@ferry/eviction';
import type { Figure, Print } from '../main';
import { mediaChains, zipf, type Access } from './workloads';

const FILES = 20_000;
const ACCESSES = 300_000;
const SEED = 6;
const ALPHAS = [0.6, 0.8, 1, 1.2];
/** Of the bytes of all files. */
const CACHE_SHARES = [0.01, 0.05, 0.2];
const PER_MINUTE = 100;

interface Misses {
  readonly objects: number;
  readonly bytes: number;
}

/** A cache of that size with nothing but the policy: the shares of accesses, and of their bytes, that it does not have. */
const missesOf = (name: PolicyName, workload: readonly Access[], cacheBytes: number): Misses => {
  const policy = createPolicy(name);
  const cached = new Map<string, number>();
  let [used, asked, missedBytes, missed] = [0, 0, 0, 0];
  workload.forEach(({ assetId, sizeBytes }, at) => {
    const minute = Math.floor(at / PER_MINUTE);
    asked += sizeBytes;
    if (cached.has(assetId)) return policy.touch(assetId, minute);
    missed += 1;
    missedBytes += sizeBytes;
    if (sizeBytes > cacheBytes) return;
    while (used + sizeBytes > cacheBytes) {
      const victim = policy.next()!;
      policy.remove(victim);
      used -= cached.get(victim)!;
      cached.delete(victim);
    }
    policy.put({ assetId, sizeBytes }, minute);
    cached.set(assetId, sizeBytes);
    used += sizeBytes;
  });
  return { objects: missed / workload.length, bytes: missedBytes / asked };
};

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`.padStart(9);

/** The three policies side by side on the same accesses: misses, in objects and in bytes. */
export async function run(print: Print): Promise<Figure[]> {
  const workloads: [string, Access[]][] = [
    ...ALPHAS.map((alpha): [string, Access[]] => [`Zipf ${alpha}`, zipf(FILES, alpha, ACCESSES, SEED)]),
    ['media chains', mediaChains(ACCESSES, SEED)],
  ];
  const rows: Figure[] = [];
  print(`Misses of ${ACCESSES.toLocaleString('en')} accesses, objects and bytes, seed ${SEED}`);
  print(`${'workload'.padEnd(16)}${'cache'.padStart(8)}${POLICY_NAMES.map((name) => `${name} obj.`.padStart(11) + 'bytes'.padStart(9)).join('')}`);
  for (const [title, workload] of workloads) {
    const all = [...new Map(workload.map(({ assetId, sizeBytes }) => [assetId, sizeBytes])).values()].reduce((sum, bytes) => sum + bytes, 0);
    print(`${title}: ${percent(new Set(workload.map(({ assetId }) => assetId)).size / workload.length).trim()} of the accesses are the first of their file, and miss always`);
    for (const share of CACHE_SHARES) {
      const misses = POLICY_NAMES.map((name) => [name, missesOf(name, workload, all * share)] as const);
      const size = `${share * 100} %`;
      print(`${''.padEnd(16)}${size.padStart(8)}${misses.map(([, { objects, bytes }]) => `  ${percent(objects)}${percent(bytes)}`).join('')}`);
      for (const [name, { objects, bytes }] of misses) {
        rows.push({ name: `${title}, cache of ${size}, ${name}: missed objects`, value: objects, unit: 'ratio' });
        rows.push({ name: `${title}, cache of ${size}, ${name}: missed bytes`, value: bytes, unit: 'ratio' });
      }
    }
  }
  return rows;
}
