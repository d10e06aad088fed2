import { figure, median } from './measure';
import type { Print } from './main';

/** One line of a comparison: measured on each server in turn, a few times, of which the median counts. */
export interface Row<T> {
  readonly name: string;
  readonly unit: string;
  /** What a real server was seen to do elsewhere. */
  readonly published: string;
  /** Of a duration, less is better. */
  readonly lessIsBetter?: boolean;
  measure(target: T): Promise<number>;
}

export interface Contender<T> {
  readonly name: string;
  readonly target: T;
}

const ROUNDS = 3;
const WIDTHS = { name: 50, figure: 12, ratio: 8 };

/** Prints a table of all rows: a column for each contender, the first one's share of the second's, what was published. */
export async function compare<T>(print: Print, contenders: readonly Contender<T>[], rows: readonly Row<T>[], source: string): Promise<void> {
  const columns = contenders.map(({ name }) => name.padStart(WIDTHS.figure));
  const ratio = contenders.length > 1 ? 'share'.padStart(WIDTHS.ratio) : '';
  print(`${''.padEnd(WIDTHS.name)}${columns.join('')}${ratio}   ${source}`);
  for (const row of rows) {
    const medians = await mediansOf(contenders, row);
    const figures = medians.map((value) => figure(value).padStart(WIDTHS.figure));
    print(`${`${row.name}, ${row.unit}`.padEnd(WIDTHS.name)}${figures.join('')}${share(medians, row)}   ${row.published}`);
  }
}

/** In turn, so that what else the machine does hits all alike. */
async function mediansOf<T>(contenders: readonly Contender<T>[], row: Row<T>): Promise<number[]> {
  const measured: number[][] = contenders.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { target }] of contenders.entries()) measured[index]?.push(await row.measure(target));
  }
  return measured.map(median);
}

function share<T>([own, other]: readonly number[], { lessIsBetter }: Row<T>): string {
  if (own === undefined || other === undefined) return '';
  return `${Math.round((lessIsBetter ? other / own : own / other) * 100)} %`.padStart(WIDTHS.ratio);
}
