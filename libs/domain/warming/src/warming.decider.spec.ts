import { deciderSpec } from '@ferry/testing/specs';
import { warmingDecider, type WarmingCommand } from './warming.decider';
import type { WarmedAsset, WarmingEvent, WarmingRule } from './warming.events';

const { given } = deciderSpec(warmingDecider);
type CommandOf<T extends WarmingCommand['type']> = Extract<WarmingCommand, { type: T }>;
const command = <T extends WarmingCommand['type']>(type: T, data: CommandOf<T>['data']) => ({ type, data, metadata: { now: '2026-01-05T10:00:00.000Z' } }) as CommandOf<T>;

const LIST: WarmingRule = { by: 'list' };
const request = (assetIds: string[], rule: WarmingRule = LIST) => command('RequestWarming', { rule, assetIds });
const record = (...assets: WarmedAsset[]) => command('RecordWarmed', { assets });
const cancel = command('CancelWarming', {});
const requested = (assetIds = ['a', 'b'], rule: WarmingRule = LIST): WarmingEvent => ({ type: 'WarmingRequested', data: { rule, assetIds } });
const warmed = (...assets: WarmedAsset[]): WarmingEvent => ({ type: 'AssetsWarmed', data: { assets } });
const completed: WarmingEvent = { type: 'WarmingCompleted', data: {} };
const cancelled: WarmingEvent = { type: 'WarmingCancelled', data: {} };
const A: WarmedAsset = { assetId: 'a', outcome: 'downloaded', bytes: 5 };
const B: WarmedAsset = { assetId: 'b', outcome: 'failed', kind: 'not-found' };

describe('RequestWarming', () => {
  it('takes each asset once, and is done at once with none', () => {
    given().when(request(['a', 'b', 'a'])).then(requested());
    given().when(request([], { by: 'most-used', count: 3 })).then(requested([], { by: 'most-used', count: 3 }), completed);
  });

  it('changes nothing where it comes again, and refuses another one', () => {
    given(requested()).when(request(['a', 'b'])).thenNothing();
    given(requested(['a'], { by: 'most-used', count: 3 })).when(request(['c'], { by: 'most-used', count: 3 })).thenNothing();
    given(requested()).when(request(['a'])).thenRefused('WARMING_DIFFERS');
    given(requested(['a'], { by: 'most-used', count: 3 })).when(request(['a'], { by: 'most-used', count: 4 })).thenRefused('WARMING_DIFFERS');
  });

  it('refuses too many', () => {
    given().when(request(Array.from({ length: 10_001 }, (_, n) => String(n)))).thenRefused('TOO_MANY_WARMED_ASSETS', { assets: 10_001 });
  });
});

describe('RecordWarmed', () => {
  it('takes outcomes in any order, each once, and ends with the last', () => {
    given(requested()).when(record(B)).then(warmed(B));
    const state = given(requested(), warmed(B)).when(record(A, A, B)).then(warmed(A), completed);
    expect(state).toMatchObject({ status: 'completed', pending: [], downloaded: 1, cached: 0, bytes: 5, failures: [B] });
  });

  it('changes nothing late, or of what was not asked for', () => {
    given(requested(), warmed(B)).when(record(B, { assetId: 'x', outcome: 'cached' })).thenNothing();
    given(requested(), cancelled).when(record(A)).thenNothing();
    given().when(record(A)).thenNothing();
  });
});

describe('CancelWarming', () => {
  it('ends what runs, and leaves what has ended', () => {
    given(requested()).when(cancel).then(cancelled);
    given(requested(), cancelled).when(cancel).thenNothing();
    given(requested(), warmed(A, B), completed).when(cancel).thenNothing();
    given().when(cancel).thenNothing();
  });
});
