import { DOWNLOAD_CATEGORY, downloadStream, type DownloadEvent } from '@ferry/domain/download';
import { metadataFor } from '@ferry/event-store';
import { downloadIdOf } from '@ferry/kernel';
import { randomUUID } from 'node:crypto';
import type { Figure, Print } from '../main';
import { inFlight, median, perSecond, printFigures } from '../measure';
import { command, Stack } from './stack';

const OPEN = 10_000;
const STARTED = 300;
const SAMPLES = 3;
const WIDTH = 32;
/** The queue may cost a start at most this share of its speed. */
const SHARE = 0.7;
/** So slow that what was begun stays open while it is measured. */
const CRAWL = 1_000;

/** Runs of routes that nobody has asked for yet, started a second: the request is answered when the run is in its stream. */
async function sample(stack: Stack): Promise<number> {
  const seeded = await Promise.all(Array.from({ length: STARTED }, () => stack.seed(1_000)));
  const assets: string[] = [];
  await inFlight(WIDTH, seeded.length, async () => void assets.push(await stack.register(seeded.pop()!)));
  return perSecond(STARTED, () =>
    inFlight(WIDTH, STARTED, async () => {
      const answer = await stack.resolve(assets.pop()!);
      if (answer.status !== 'pending') throw new Error(`a new route is ${answer.status}`);
    }),
  );
}

async function started(stack: Stack): Promise<number> {
  const samples: number[] = [];
  for (let number = 0; number < SAMPLES; number += 1) samples.push(await sample(stack));
  return median(samples);
}

/** Downloads that were asked for ahead of time, of assets that are not there: they wait. */
async function wait(stack: Stack): Promise<void> {
  await inFlight(WIDTH * 4, OPEN, async () => {
    const assetId = randomUUID();
    const data = { downloadId: downloadIdOf(assetId, 1), reason: 'warm', priority: 'warm' } as const;
    await stack.store.record<DownloadEvent>({ stream: downloadStream(assetId), events: [{ type: 'DownloadRequested', data }], metadata: metadataFor(command()) });
  });
}

async function ended(stack: Stack): Promise<number> {
  let count = 0;
  for await (const { type } of stack.store.readAll([DOWNLOAD_CATEGORY])) if (/^Download(Completed|Failed|Cancelled)$/.test(type)) count += 1;
  return count;
}

/** Runs started while others wait, as a share of those that are started while none does. */
export async function run(print: Print): Promise<Figure[]> {
  const stack = await Stack.start(1024 ** 3);
  try {
    await stack.limit(CRAWL);
    await sample(stack);
    const alone = await started(stack);
    await wait(stack);
    const crowded = await started(stack);
    const share = crowded / alone;
    const rows: Figure[] = [
      { name: 'runs started, none waiting but those', value: Math.round(alone), unit: '1/s' },
      { name: `runs started with ${OPEN - (await ended(stack))} of ${OPEN} open ones`, value: Math.round(crowded), unit: '1/s' },
      { name: `runs started with ${OPEN} open ones as a share of those without`, value: Number(share.toFixed(3)), unit: 'ratio', goal: `>= ${SHARE}`, pass: share >= SHARE },
    ];
    printFigures(print, rows);
    return rows;
  } finally {
    await stack.close();
  }
}
