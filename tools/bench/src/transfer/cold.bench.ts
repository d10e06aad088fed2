import type { Figure, Print } from '../main';
import { median, printFigures } from '../measure';
import { Stack } from './stack';

const MIB = 1024 ** 2;
const FILE_BYTES = 256 * MIB;
const BYTES_PER_SECOND = 50_000_000;
const ROUNDS = 3;
const RATIO = 1.08;
const MAX_GROWTH = 64;
const SAMPLE_MS = 100;

/** Milliseconds that the origin alone takes to give the bytes. */
async function downloaded(url: string): Promise<number> {
  const started = performance.now();
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`GET ${url}: ${response.status}`);
  let bytes = 0;
  for await (const chunk of response.body) bytes += (chunk as Uint8Array).length;
  if (bytes < FILE_BYTES) throw new Error(`${bytes} bytes came`);
  return performance.now() - started;
}

/** The most that each process has grown to meanwhile. */
async function peaksDuring(stack: Stack, work: () => Promise<void>): Promise<Map<string, number>> {
  const peaks = new Map<string, number>();
  const sample = async (): Promise<void> => {
    for (const [name, bytes] of await stack.memory()) peaks.set(name, Math.max(peaks.get(name) ?? 0, bytes));
  };
  const timer = setInterval(() => void sample(), SAMPLE_MS);
  try {
    await work();
    await sample();
  } finally {
    clearInterval(timer);
  }
  return peaks;
}

/** A cold transfer of a large file between two vendors that are equally slow: the slower leg alone is either. */
export async function run(print: Print): Promise<Figure[]> {
  const stack = await Stack.start((ROUNDS + 2) * FILE_BYTES);
  const rounds: { readonly leg: number; readonly whole: number }[] = [];
  try {
    await stack.transferred(await stack.register(await stack.seed(MIB)));
    await stack.limit(BYTES_PER_SECOND);
    const before = await stack.memory();
    const peaks = await peaksDuring(stack, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        // Contents of their own: what the owner has already would be stored once, at other costs.
        const seeded = await stack.seed(FILE_BYTES + round);
        const assetId = await stack.register(seeded);
        rounds.push({ leg: await downloaded(seeded.url), whole: await stack.transferred(assetId) });
      }
    });
    const ratios = rounds.map(({ leg, whole }) => whole / leg);
    const ratio = median(ratios);
    const { leg, whole } = rounds[ratios.indexOf(ratio)]!;
    const seconds = (ms: number): number => Number((ms / 1_000).toFixed(2));
    const rows: Figure[] = [
      { name: 'slower leg alone, 256 MiB at 50 MB/s', value: seconds(leg), unit: 's' },
      { name: 'cold transfer of 256 MiB, origin and target at 50 MB/s', value: seconds(whole), unit: 's' },
      { name: 'cold transfer as a ratio to the slower leg alone', value: Number(ratio.toFixed(3)), unit: 'ratio', goal: `<= ${RATIO}`, pass: ratio <= RATIO },
    ];
    for (const [name, peak] of peaks) {
      const growth = Math.round((peak - before.get(name)!) / MIB);
      rows.push({ name: `growth of the resident memory, ${name}`, value: growth, unit: 'MiB', goal: `< ${MAX_GROWTH}`, pass: growth < MAX_GROWTH });
    }
    printFigures(print, rows);
    return rows;
  } finally {
    await stack.close();
  }
}
