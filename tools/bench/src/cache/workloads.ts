/** One access of a generated workload. */
export interface Access {
  readonly assetId: string;
  readonly sizeBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Numbers from 0 to 1, always the same ones for a seed (mulberry32). */
export const random = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Three of four are images of 0.1 to 5 MB, the others videos of 2 to 200 MB; small ones are more frequent. */
const sizeOf = (next: () => number): number => Math.round(next() < 0.75 ? 100 * KIB * 50 ** next() : 2 * MIB * 100 ** next());

/** @param alpha how much more frequent the popular files are: rank r is asked for in proportion to 1 / r^alpha */
export const zipf = (files: number, alpha: number, accesses: number, seed: number): Access[] => {
  const next = random(seed);
  const known = Array.from({ length: files }, (_, rank) => ({ assetId: `file-${rank}`, sizeBytes: sizeOf(next) }));
  const reach: number[] = [];
  for (let rank = 1; rank <= files; rank += 1) reach.push((reach.at(-1) ?? 0) + 1 / rank ** alpha);
  return Array.from({ length: accesses }, () => known[firstAbove(reach, next() * reach.at(-1)!)]!);
};

/** The first place whose value is at least that, in a rising row. */
const firstAbove = (rising: readonly number[], value: number): number => {
  let [from, to] = [0, rising.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (rising[middle]! < value) from = middle + 1;
    else to = middle;
  }
  return from;
};

/** Chains that somebody works on at a time. */
const OPEN_CHAINS = 40;
const ENDS = 0.03;
const BRANCHES = 0.15;
const LOOKS = 0.3;

/**
 * What people who make videos of videos ask for: a chain begins with an image, each step reads its parent and makes a child;
 * now and then a step goes back to a branch point, which is used a few times, or somebody looks at an earlier take. When a chain
 * is done, nobody comes back.
 */
export const mediaChains = (accesses: number, seed: number): Access[] => {
  const next = random(seed);
  const pick = (count: number): number => Math.floor(next() * count);
  const chains: Access[][] = [];
  const made: Access[] = [];
  let born = 0;
  const create = (): Access => ({ assetId: `asset-${(born += 1)}`, sizeBytes: sizeOf(next) });
  while (made.length < accesses) {
    if (chains.length < OPEN_CHAINS) chains.push([create()]);
    const at = pick(chains.length);
    const chain = chains[at]!;
    const isBranch = next() < BRANCHES;
    const parent = isBranch ? chain[pick(chain.length)]! : chain.at(-1)!;
    const child = create();
    made.push(parent, child);
    if (next() < LOOKS) made.push(chain[pick(chain.length)]!);
    chain.push(child);
    if (next() < ENDS) chains.splice(at, 1);
  }
  return made.slice(0, accesses);
};
