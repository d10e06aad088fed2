import { cacheStream, type CacheEvent } from '@ferry/domain/cache/events';
import { metadataFor } from '@ferry/event-store';
import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CacheLayout, ownerKeyOf, relativePath } from '../../../../apps/cache-manager/src/disk/layout';
import { stampOf } from '../../../../apps/cache-manager/src/disk/stored-file';
import type { Figure, Print } from '../main';
import { inFlight, printFigures } from '../measure';
import { command, NODE_ID, NodeUnderTest, OWNER } from './node-under-test';

const FILES = 100_000;
const FILE_BYTES = 1_000;
const WIDTH = 64;
const FILENAME = 'file.wav';
const MAX_SECONDS = 10;

const content = Buffer.alloc(FILE_BYTES);

const toDisk = (layout: CacheLayout, assetId: string, sha256: string): void => {
  const blob = layout.blob(ownerKeyOf(OWNER), sha256);
  const link = layout.link(assetId, FILENAME);
  writeFileSync(blob, content);
  utimesSync(blob, stampOf(sha256), stampOf(sha256));
  mkdirSync(dirname(link));
  linkSync(blob, link);
};

const cachedEvent = (assetId: string, sha256: string): CacheEvent => {
  const media = { mimeType: 'audio/wav', kind: 'audio', durationSeconds: 1 } as const;
  const data = { nodeId: NODE_ID, personal: { path: relativePath(assetId, FILENAME) }, sizeBytes: FILE_BYTES, sha256, ...media, downloadId: `${assetId}-1` };
  return { type: 'FileCached', data };
};

/** A folder of small files and their events, as if they had been brought in. */
async function fill(node: NodeUnderTest): Promise<void> {
  const layout = new CacheLayout(node.folder);
  for (const folder of [layout.assets, layout.ownerFolder(ownerKeyOf(OWNER))]) mkdirSync(folder, { recursive: true });
  await inFlight(WIDTH, FILES, async () => {
    const assetId = randomUUID();
    const sha256 = createHash('sha256').update(assetId).digest('hex');
    toDisk(layout, assetId, sha256);
    await node.store.record<CacheEvent>({ stream: cacheStream(assetId), events: [cachedEvent(assetId, sha256)], metadata: metadataFor(command()) });
  });
}

/** How long a cache-manager takes from the start of its process until it serves, on a full folder. */
export async function run(print: Print): Promise<Figure[]> {
  const node = await NodeUnderTest.prepare(2 * 1024 ** 3);
  try {
    await fill(node);
    const rows: Figure[] = [];
    for (const which of ['without a copy of the events', 'with one']) {
      const started = performance.now();
      const service = await node.boot();
      const seconds = (performance.now() - started) / 1000;
      const [cpu, memory] = [await service.cpuSeconds(), await service.memory()];
      await node.shutDown();
      const name = `start with ${FILES.toLocaleString('en')} files, ${which}`;
      rows.push({ name, value: Number(seconds.toFixed(2)), unit: 's', goal: `<= ${MAX_SECONDS}`, pass: seconds <= MAX_SECONDS });
      if (cpu !== undefined) rows.push({ name: '  its processor time', value: cpu, unit: 's' });
      if (memory !== undefined) rows.push({ name: '  memory then', value: Math.round(memory / 1024 ** 2), unit: 'MiB' });
    }
    printFigures(print, rows);
    return rows;
  } finally {
    await node.close();
  }
}
