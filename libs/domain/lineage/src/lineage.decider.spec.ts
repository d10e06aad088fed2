import type { ParentLink } from '@ferry/kernel';
import { deciderSpec } from '@ferry/testing/specs';
import { lineageDecider, type UnlinkParent } from './lineage.decider';
import type { LineageEvent } from './lineage.events';

const { given } = deciderSpec(lineageDecider);

const metadata = { now: '2026-01-05T10:00:00.000Z' };
const parent = { parentAssetId: 'parent', relationType: 'source', operationType: 'extend', parentStartTime: 0, parentEndTime: 3 };
const link = (change: Partial<ParentLink> = {}) =>
  ({ type: 'LinkParent', data: { childAssetId: 'child', parent: { ...parent, ...change } }, metadata }) as const;
const unlink = (data: UnlinkParent['data']) => ({ type: 'UnlinkParent', data, metadata }) as const;
const linked = (sequenceOrder: number, change: Partial<ParentLink> = {}): LineageEvent => ({
  type: 'ParentLinked',
  data: { ...parent, ...change, sequenceOrder },
});
const unlinked = (sequenceOrder: number): LineageEvent => ({
  type: 'ParentUnlinked',
  data: { parentAssetId: 'parent', relationType: 'source', sequenceOrder },
});

describe('LinkParent', () => {
  it('puts a parent in its place, or after those there are', () => {
    given().when(link({ sequenceOrder: 4 })).then(linked(4));
    given().when(link()).then(linked(0));
    given(linked(4)).when(link({ parentAssetId: 'other' })).then(linked(5, { parentAssetId: 'other' }));
  });

  it('links one parent twice where it was used twice', () => {
    given(linked(0)).when(link({ parentStartTime: 5, parentEndTime: 8 })).then(linked(1, { parentStartTime: 5, parentEndTime: 8 }));
    given(linked(0)).when(link({ sequenceOrder: 1 })).then(linked(1));
    given(linked(0)).when(link({ sequenceOrder: 0, relationType: 'mask' })).then(linked(0, { relationType: 'mask' }));
  });

  it('is quiet about the same link', () => {
    given(linked(2)).when(link({ sequenceOrder: 2, influenceType: undefined })).thenNothing();
    given(linked(2)).when(link()).thenNothing();
  });

  it('does not bring back, years later, what was registered and taken away since', () => {
    const registered = (change: Partial<ParentLink> = {}) => ({ ...link(), data: { ...link(change).data, asRegistered: true } }) as const;
    given().when(registered()).then(linked(0));
    given(linked(0), unlinked(0)).when(registered()).thenNothing();
    given(linked(0), unlinked(0)).when(registered({ sequenceOrder: 0 })).thenNothing();
    given(linked(0), unlinked(0)).when(registered({ parentAssetId: 'other' })).then(linked(0, { parentAssetId: 'other' }));
    given(linked(0), unlinked(0)).when(link()).then(linked(0));
  });

  it('refuses to change a link, and a child that is its own parent', () => {
    given(linked(2))
      .when(link({ sequenceOrder: 2, parentEndTime: 4 }))
      .thenRefused('LINK_DIFFERS', { parentAssetId: 'parent', relationType: 'source', sequenceOrder: 2 });
    given().when(link({ parentAssetId: 'child' })).thenRefused('SELF_LINK', { assetId: 'child' });
  });
});

describe('UnlinkParent', () => {
  const key = { parentAssetId: 'parent', relationType: 'source' };

  it('takes one link away, or all of the parent and relation', () => {
    const history = [linked(0), linked(1), linked(2, { relationType: 'mask' })];
    const { parents } = given(...history).when(unlink({ ...key, sequenceOrder: 1 })).then(unlinked(1));
    expect(parents).toHaveLength(2);
    given(...history).when(unlink(key)).then(unlinked(0), unlinked(1));
  });

  it('is quiet where there is none', () => {
    given(linked(0), unlinked(0)).when(unlink(key)).thenNothing();
    given(linked(0)).when(unlink({ ...key, sequenceOrder: 1 })).thenNothing();
  });

  it('makes room for the same link with other facts', () => {
    given(linked(0), unlinked(0)).when(link({ sequenceOrder: 0, parentEndTime: 4 })).then(linked(0, { parentEndTime: 4 }));
  });
});
