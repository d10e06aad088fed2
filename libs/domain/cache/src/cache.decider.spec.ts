import { deciderSpec } from '@ferry/testing/specs';
import { cacheDecider, type CacheCommand } from './cache.decider';
import type { CacheEvent, FileCachedData, FileEvictedData } from './cache.events';
import { cachedOn } from './cache.state';

const { given } = deciderSpec(cacheDecider);

type CommandOf<T extends CacheCommand['type']> = Extract<CacheCommand, { type: T }>;
const command = <T extends CacheCommand['type']>(type: T, data: CommandOf<T>['data']) =>
  ({ type, data, metadata: { now: '2026-01-05T10:00:00.000Z' } }) as CommandOf<T>;

const file: FileCachedData = {
  nodeId: 'node-1',
  personal: { path: 'assets/a/video.mp4' },
  sizeBytes: 10,
  sha256: 'a'.repeat(64),
  mimeType: 'video/mp4',
  kind: 'video',
  durationSeconds: 3,
};
const record = (change: Partial<FileCachedData> = {}) => command('RecordFile', { ...file, ...change });
const evict = (change: Partial<FileEvictedData> = {}) =>
  command('EvictFile', { nodeId: 'node-1', reason: 'space', freedBytes: 4096, otherCopy: { from: 'origin' }, ...change });
const pin = command('PinFile', {});
const unpin = command('UnpinFile', {});
const release = command('ReleaseLastCopy', { by: 'key:studio' });
const skip = (reason = 'no room') => command('SkipCapture', { reason, originEndsAt: '2026-02-01T00:00:00.000Z' });

const cached = (nodeId = 'node-1'): CacheEvent => ({ type: 'FileCached', data: { ...file, nodeId } });
const pinned: CacheEvent = { type: 'FilePinned', data: {} };
const unpinned: CacheEvent = { type: 'FileUnpinned', data: {} };
const evicted: CacheEvent = { type: 'FileEvicted', data: { nodeId: 'node-1', reason: 'space', freedBytes: 4096, otherCopy: { from: 'origin' } } };
const corrupted: CacheEvent = { type: 'FileCorrupted', data: { nodeId: 'node-1' } };
const missing: CacheEvent = { type: 'FileMissing', data: { nodeId: 'node-1' } };
const released: CacheEvent = { type: 'LastCopyReleased', data: { by: 'key:studio' } };
const skipped: CacheEvent = { type: 'CaptureSkipped', data: { reason: 'no room', originEndsAt: '2026-02-01T00:00:00.000Z' } };

describe('RecordFile', () => {
  it('records a verified file per node', () => {
    const state = given().when(record()).then(cached());
    expect(cachedOn(state, 'node-1')).toMatchObject({ personal: file.personal, sha256: file.sha256 });
    expect(cachedOn(state, 'constructor')).toBeUndefined();
    given(cached()).when(record({ nodeId: 'node-2' })).then(cached('node-2'));
  });

  it.each([evicted, corrupted, missing])('records a file that comes back after $type', (gone) => {
    given(cached(), gone).when(record()).then(cached());
  });

  it('is quiet about the same file', () => {
    given(cached()).when(record({ downloadId: 'a-2' })).thenNothing();
  });

  it('refuses other content, also on another node and after an eviction', () => {
    const actual = 'b'.repeat(64);
    given(cached(), evicted).when(record({ nodeId: 'node-2', sha256: actual })).thenRefused('CONTENT_CHANGED', { known: file.sha256, actual });
  });
});

describe('PinFile and UnpinFile', () => {
  it('pin and unpin, each once', () => {
    given(cached()).when(pin).then(pinned);
    given(cached(), pinned).when(pin).thenNothing();
    given(cached(), pinned).when(unpin).then(unpinned);
    given(cached()).when(unpin).thenNothing();
  });

  it('refuses to pin what an eviction was quicker to take', () => {
    given(cached(), evicted).when(pin).thenRefused('NOT_CACHED');
  });
});

describe('EvictFile', () => {
  it('records which other copy was counted', () => {
    const state = given(cached()).when(evict()).then(evicted);
    expect(cachedOn(state, 'node-1')).toBeUndefined();
  });

  it('lets a last copy go with its asset or where its owner released it', () => {
    const gone = (reason: FileEvictedData['reason']): CacheEvent => ({ type: 'FileEvicted', data: { nodeId: 'node-1', reason, freedBytes: 4096 } });
    given(cached()).when(evict({ reason: 'asset-deleted', otherCopy: undefined })).then(gone('asset-deleted'));
    given(cached(), released).when(evict({ reason: 'last-copy-released', otherCopy: undefined })).then(gone('last-copy-released'));
  });

  it('refuses a last copy, also where another node only seems to have one, and one cached after the release', () => {
    given(cached()).when(evict({ otherCopy: undefined })).thenRefused('LAST_COPY');
    given(cached(), cached('node-2')).when(evict({ otherCopy: undefined })).thenRefused('LAST_COPY', { nodeId: 'node-1' });
    given(cached(), released, missing, cached()).when(evict({ otherCopy: undefined })).thenRefused('LAST_COPY');
  });

  it('counts a copy on another node only as long as that one has it: of two that count on each other one stays', () => {
    const counting = (nodeId: string, on: string) => evict({ nodeId, otherCopy: { from: 'node', nodeId: on } });
    const both = [cached(), cached('node-2')];
    const gone = (nodeId: string, on: string): CacheEvent => ({ type: 'FileEvicted', data: { nodeId, reason: 'space', freedBytes: 4096, otherCopy: { from: 'node', nodeId: on } } });
    given(...both).when(counting('node-1', 'node-2')).then(gone('node-1', 'node-2'));
    given(...both, gone('node-2', 'node-1')).when(counting('node-1', 'node-2')).thenRefused('LAST_COPY', { nodeId: 'node-1' });
    given(...both, { type: 'FileMissing', data: { nodeId: 'node-2' } }).when(counting('node-1', 'node-2')).thenRefused('LAST_COPY');
    given(...both).when(counting('node-1', 'node-1')).thenRefused('LAST_COPY');
    given(...both).when(counting('node-1', 'node-3')).thenRefused('LAST_COPY');
  });

  it('refuses a pinned file', () => {
    given(cached(), pinned).when(evict()).thenRefused('FILE_PINNED');
    given(cached(), pinned, unpinned).when(evict()).then(evicted);
  });

  it('is quiet where the file is gone', () => {
    given(cached(), evicted).when(evict()).thenNothing();
    given(cached(), missing).when(evict()).thenNothing();
    given(cached('node-2')).when(evict()).thenNothing();
  });
});

describe('RecordCorruption and RecordMissing', () => {
  it('take the copy out, once', () => {
    given(cached()).when(command('RecordCorruption', { nodeId: 'node-1' })).then(corrupted);
    given(cached(), corrupted).when(command('RecordCorruption', { nodeId: 'node-1' })).thenNothing();
    given(cached()).when(command('RecordMissing', { nodeId: 'node-1' })).then(missing);
    given(cached(), evicted).when(command('RecordMissing', { nodeId: 'node-1' })).thenNothing();
  });
});

describe('ReleaseLastCopy', () => {
  it('is recorded once, and refused where there is nothing to lose', () => {
    given(cached()).when(release).then(released);
    given(cached(), released).when(release).thenNothing();
    given(cached(), evicted).when(release).thenRefused('NOT_CACHED');
  });
});

describe('SkipCapture', () => {
  it('is recorded once per reason, until the file is there', () => {
    given().when(skip()).then(skipped);
    given(skipped).when(skip()).thenNothing();
    given(skipped).when(skip('too large')).then({ ...skipped, data: { ...skipped.data, reason: 'too large' } } as CacheEvent);
    given(skipped, cached()).when(skip()).thenNothing();
    given(skipped, cached(), missing).when(skip()).then(skipped);
  });
});
