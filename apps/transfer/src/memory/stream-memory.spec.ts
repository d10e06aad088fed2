import { transferDecider, type RouteState, type TransferEvent } from '@ferry/domain/transfer';
import { fold, toPosition, transferIdOf, type RecordedEvent } from '@ferry/kernel';
import { rounds, seed } from '@ferry/testing/specs';
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { AssetMemory } from './asset-memory';
import { RouteMemory } from './route-memory';
import type { Known } from './stream-memory';

const NOW = '2026-01-05T10:00:00.000Z';
const route = { assetId: '5d1c9a52-3a0b-5f64-9a57-0c7e1b2d3f40', providerId: 'sora', accountId: 'sora-main', variant: 'character' };

const recorded = (event: { type: string; data: object }, revision: number, owner = 'dev'): RecordedEvent =>
  ({ ...event, id: randomUUID(), streamName: 'x', revision, position: toPosition(BigInt(revision * 100 + 7)), created: NOW, metadata: { owner } }) as unknown as RecordedEvent;

/** Some life of a route. */
const life = (routeId: string) =>
  fc.array(fc.constantFrom('run', 'refresh', 'fail', 'report', 'open', 'orphan', 'odd'), { maxLength: 5 }).map((steps) => {
    const events: TransferEvent[] = [];
    let run = 0;
    for (const step of steps) {
      const transferId = transferIdOf(routeId, run + (step === 'report' || step === 'orphan' ? 0 : 1));
      if (step === 'report') events.push({ type: 'ProviderUrlInvalidated', data: { referenceId: transferId, reason: 'reported', reportedBy: 'a', invalidatedAt: NOW } });
      else if (step === 'orphan') events.push({ type: 'UploadOrphaned', data: { transferId, attempt: 1, marker: 'm', reason: 'r' } });
      else {
        run += 1;
        const reason = step === 'refresh' ? 'refresh' : 'resolve';
        events.push({ type: 'TransferRequested', data: { transferId, ...route, reason, priority: reason } });
        if (step === 'fail') events.push({ type: 'TransferFailed', data: { transferId, kind: 'too-large', failedAt: NOW } });
        if (step === 'run' || step === 'refresh' || step === 'odd') {
          const expiresAt = step === 'odd' ? '2026-01-06T10:00:00+01:00' : run % 2 ? '2026-01-06T10:00:00.123Z' : undefined;
          events.push(
            { type: 'TransferClaimed', data: { transferId, workerId: 'w', epoch: 1 } },
            { type: 'ProviderUrlCached', data: { transferId, referenceId: transferId, forms: { id: `é${run}` }, ...(expiresAt ? { expiresAt } : {}) } },
            { type: 'TransferCompleted', data: { transferId, completedAt: NOW } },
          );
        }
      }
    }
    return events;
  });

const known = (events: readonly TransferEvent[]): Known<RouteState> => ({
  state: fold(transferDecider, events),
  revision: events.length - 1,
  position: toPosition(BigInt((events.length - 1) * 100 + 7)),
});

describe('the memory of routes', () => {
  const routeId = randomUUID();

  it('holds what a fold of the events gives, whatever they are', () => {
    fc.assert(
      fc.property(life(routeId), (events) => {
        const memory = new RouteMemory(4);
        events.forEach((event, revision) => {
          memory.apply(routeId, recorded(event, revision));
          expect(memory.find(routeId)).toEqual(known(events.slice(0, revision + 1)));
        });
      }),
      { seed: seed(), numRuns: rounds(200) },
    );
  });

  it('is never older than what the log has told, however reads and events fall together', async () => {
    type Step = 'event' | 'begin' | 'end' | 'crowd out';
    await fc.assert(
      fc.asyncProperty(life(routeId), fc.array(fc.constantFrom<Step>('event', 'event', 'begin', 'end', 'crowd out'), { maxLength: 40 }), async (events, steps) => {
        const memory = new RouteMemory(1);
        let told = 0;
        const reads: { finish: () => void; done: Promise<unknown> }[] = [];
        for (const step of steps) {
          if (step === 'event' && told < events.length) memory.apply(routeId, recorded(events[told]!, told++));
          if (step === 'begin') {
            // The store may be ahead of what it has told.
            const upTo = Math.min(events.length, told + (reads.length % 3));
            let finish: () => void = () => undefined;
            const until = new Promise<void>((resolve) => (finish = resolve));
            reads.push({ finish, done: memory.fill(routeId, async () => (await until, known(events.slice(0, upTo)))) });
          }
          if (step === 'end') {
            const read = reads.shift();
            read?.finish();
            await read?.done;
          }
          if (step === 'crowd out') await memory.fill(randomUUID(), async () => ({ ...known([]), revision: 0 }));
          const found = memory.find(routeId);
          if (!found) continue;
          expect(found.revision).toBeGreaterThanOrEqual(told - 1);
          expect(found).toEqual(known(events.slice(0, found.revision + 1)));
        }
        for (const read of reads) read.finish();
        await Promise.all(reads.map(({ done }) => done));
      }),
      { seed: seed(), numRuns: rounds(300) },
    );
  });

  it('forgets a stream with an event that it does not know, and remembers it again after a read that does', async () => {
    const memory = new RouteMemory(4);
    const { state } = known([]);
    await memory.fill(routeId, async () => ({ state, revision: 3, position: toPosition(3n) }));
    expect(memory.find(routeId)?.revision).toBe(3);
    memory.apply(routeId, recorded({ type: 'SomethingNew', data: {} }, 4));
    expect(memory.find(routeId)).toBeUndefined();
    expect([memory.hits, memory.misses]).toEqual([1, 1]);
    await memory.fill(routeId, async () => ({ state, revision: 5, position: toPosition(5n) }));
    expect(memory.find(routeId, 5)?.revision).toBe(5);
    expect(memory.find(routeId, 6)).toBeUndefined();
  });

  it('remembers nothing of a stream that does not exist', async () => {
    const memory = new RouteMemory(4);
    await memory.fill(routeId, async () => known([]));
    expect([memory.find(routeId), memory.size]).toEqual([undefined, 0]);
  });
});

describe('the memory of assets', () => {
  it('follows an asset from its registration to its deletion', () => {
    const memory = new AssetMemory(2);
    const assetId = randomUUID();
    const origin = { providerId: 'pixverse', accountId: 'main', forms: { id: '1', idType: 'video', url: 'https://v/1?sig=é' }, expiresAt: NOW };
    const apply = (revision: number, type: string, data: object) => memory.apply(assetId, recorded({ type, data }, revision, 'ann'));
    apply(0, 'AssetRegistered', { life: 1, origin, kind: 'video', capture: 'onDemand', personal: { filename: 'mine.mp4' } });
    const asset = { assetId, owner: 'ann', kind: 'video', origin, originLost: false, deleted: false };
    expect(memory.find(assetId)?.state).toEqual(asset);
    apply(1, 'AssetOriginLost', { reason: 'gone' });
    apply(2, 'AssetContentVerified', { sha256: 'a', sizeBytes: 1, mimeType: 'video/mp4', kind: 'video' });
    expect(memory.find(assetId)).toMatchObject({ revision: 2, state: { ...asset, originLost: true } });
    apply(3, 'AssetOriginRefreshed', { forms: { id: '1', idType: 'video' } });
    apply(4, 'AssetDeleted', {});
    expect(memory.find(assetId)?.state).toEqual({ ...asset, origin: { providerId: 'pixverse', accountId: 'main', forms: { id: '1', idType: 'video' } }, deleted: true });
  });
});
