import type { AssetEvent } from '@ferry/domain/asset/events';
import type { CacheEvent } from '@ferry/domain/cache/events';
import type { DownloadEvent } from '@ferry/domain/download/events';
import type { RecordedEvent } from '@ferry/kernel';
import { assetBytesProjection, type AssetBytes } from './asset-bytes.projection';

const ID = '5d1c9a52-3a0b-5f64-9a57-0c7e1b2d3f40';
const RUN = `${ID}-1`;
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 5, 10) + minute * 60_000).toISOString();
type Fact = AssetEvent | CacheEvent | DownloadEvent;

const folded = (...facts: readonly (readonly [minute: number, fact: Fact])[]): AssetBytes | undefined =>
  facts.reduce<AssetBytes | undefined>((row, [minute, fact]) => {
    const event = { ...fact, streamName: `asset-${ID}`, created: at(minute), metadata: { owner: 'ann' } } as unknown as RecordedEvent;
    return assetBytesProjection.evolve(row, event) ?? row;
  }, undefined);

const registered = (expiresAt?: string, capture: 'beforeExpiry' | 'now' | 'onDemand' = 'beforeExpiry'): Fact => ({
  type: 'AssetRegistered',
  data: { life: 1, origin: { providerId: 'p', accountId: 'a', forms: {}, ...(expiresAt ? { expiresAt } : {}) }, kind: 'video', capture },
});
const cached = (nodeId = 'n1') => ({ type: 'FileCached', data: { nodeId, personal: { path: 'x' }, sizeBytes: 1, sha256: 's', mimeType: 'video/mp4', kind: 'video' } }) as Fact;
const evicted = (more: object = {}, nodeId = 'n1') => ({ type: 'FileEvicted', data: { nodeId, reason: 'space', freedBytes: 1, ...more } }) as Fact;
const requested: Fact = { type: 'DownloadRequested', data: { downloadId: RUN, reason: 'capture', priority: 'capture' } };
const failed = (kind: string): Fact => ({ type: 'DownloadFailed', data: { downloadId: RUN, kind, message: 'no' } });

describe('where the bytes of an asset are', () => {
  it('wants what its origin alone has, except on demand, and compares ends in one form', () => {
    expect(folded([0, registered('2026-01-05T14:00:00+02:00')])).toMatchObject({ uncaptured: true, endsAt: at(120), since: at(0) });
    expect(folded([0, registered(at(120), 'onDemand')])?.uncaptured).toBe(false);
    expect(folded([0, registered(at(120))], [1, { type: 'AssetDeleted', data: {} }])?.uncaptured).toBe(false);
    expect(folded([0, registered(at(120))], [1, cached()])?.uncaptured).toBe(false);
    expect(folded([0, registered(at(120), 'now')], [1, cached()])?.capture).toBe('beforeExpiry');
  });

  it('wants it again where the file is lost, or was evicted because the origin had it', () => {
    const begun = [[0, registered(at(120))], [1, cached()]] as const;
    expect(folded(...begun, [20, evicted({ otherCopy: { from: 'origin' } })])).toMatchObject({ uncaptured: true, notBefore: at(20.5), roomAt: at(20) });
    expect(folded(...begun, [2, { type: 'FileCorrupted', data: { nodeId: 'n1' } }])?.uncaptured).toBe(true);
    expect(folded(...begun, [2, cached('n2')], [3, evicted({ otherCopy: { from: 'origin' } })])?.uncaptured).toBe(false);
    const onOther = [[2, cached('n2')], [3, evicted({ otherCopy: { from: 'node', nodeId: 'n2' } })]] as const;
    expect(folded(...begun, ...onOther)?.uncaptured).toBe(false);
    expect(folded(...begun, ...onOther, [4, { type: 'FileMissing', data: { nodeId: 'n2' } }])?.uncaptured).toBe(true);
    for (const more of [{ otherCopy: { from: 'reference', referenceId: 'r' } }, { reason: 'last-copy-released' }]) {
      const spared = folded(...begun, [2, evicted(more)]);
      expect(spared?.uncaptured).toBe(false);
      expect(folded(...begun, [2, evicted(more)], [3, cached()], [4, evicted({ otherCopy: { from: 'origin' } })])?.uncaptured).toBe(true);
    }
  });

  it('is tried again later each time, but before the end', () => {
    const tries = Array.from({ length: 6 }, (_, n) => [[2 * n, requested], [2 * n, failed('unavailable')]] as const).flat();
    const waits = [2, 4, 6, 8, 10, 12].map((count) => {
      const row = folded([0, registered(at(20))], ...tries.slice(0, count))!;
      return (Date.parse(row.notBefore) - Date.parse(row.failure!.at)) / 1_000;
    });
    expect(waits).toEqual([30, 60, 120, 240, 360, 300]);
    expect(folded([0, registered(at(20))], [1, requested])?.download).toEqual({ downloadId: RUN, reason: 'capture', priority: 'capture' });
    expect(folded([0, registered(at(20))], [1, requested], [2, failed('unavailable')])?.download).toBeUndefined();
  });

  it('gives up where nothing is left, and begins anew with a refreshed origin', () => {
    const gone = [[0, registered(at(20))], [1, requested], [2, failed('not-found')]] as const;
    expect(folded(...gone)?.uncaptured).toBe(false);
    expect(folded([0, registered(at(20))], [1, requested], [30, failed('unavailable')])?.uncaptured).toBe(false);
    const refreshed = folded(...gone, [3, { type: 'AssetOriginRefreshed', data: { forms: {}, expiresAt: at(90) } }]);
    expect(refreshed).toMatchObject({ uncaptured: true, endsAt: at(90), since: at(3), tries: 0 });
    expect(refreshed).not.toHaveProperty('failure');
  });

  it('tells what is to be recorded of a want of room, once', () => {
    const full = [[0, registered(at(20))], [1, requested], [2, failed('cache-full')]] as const;
    expect(folded(...full)?.unrecorded).toBe('cache-full');
    const skipped: Fact = { type: 'CaptureSkipped', data: { reason: 'cache-full', originEndsAt: at(20) } };
    expect(folded(...full, [3, skipped])).not.toHaveProperty('unrecorded');
    expect(folded(...full, [3, skipped], [4, requested], [5, failed('cache-full')])).not.toHaveProperty('unrecorded');
    expect(folded(...full, [3, skipped], [4, requested], [5, failed('exceeds-cache')])?.unrecorded).toBe('exceeds-cache');
    expect(folded(...full, [3, skipped], [4, cached()])).not.toHaveProperty('skipped');
  });
});
