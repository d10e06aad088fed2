import type { Figure } from './main';

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** How many of `count` things a second `work` gets done. */
export async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (count / (performance.now() - started)) * 1000;
}

/** Does `work` `count` times, `width` of them at any time. */
export async function inFlight(width: number, count: number, work: () => Promise<unknown>): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: width }, worker));
}

const THOUSAND = 1_000;

/** `12.3 k` for large numbers, two digits after the point for small ones. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return 'failed';
  if (value >= 100 * THOUSAND) return `${Math.round(value / THOUSAND)} k`;
  if (value >= 10 * THOUSAND) return `${(value / THOUSAND).toFixed(1)} k`;
  return value >= 10 ? String(Math.round(value)) : value.toFixed(2);
}

/** One line for each figure, with its goal where it has one. */
export function printFigures(print: (line: string) => void, figures: readonly Figure[]): void {
  for (const { name, value, unit, goal, pass } of figures) print(`${name.padEnd(80)}${figure(value).padStart(10)} ${unit.padEnd(6)}${goal ? ` goal ${goal}: ${pass ? 'pass' : 'missed'}` : ''}`);
}
