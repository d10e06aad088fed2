import { deciderSpec } from '@ferry/testing/specs';
import { branchDecider, type BranchCommand } from './branch.decider';
import type { BranchCreatedData, BranchEvent, BranchVariant } from './lineage.events';

const { given } = deciderSpec(branchDecider);

type CommandOf<T extends BranchCommand['type']> = Extract<BranchCommand, { type: T }>;
const command = <T extends BranchCommand['type']>(type: T, data: CommandOf<T>['data']) =>
  ({ type, data, metadata: { now: '2026-01-05T10:00:00.000Z' } }) as CommandOf<T>;

const facts: BranchCreatedData = { sourceAssetId: 'source', branchTime: 2.5, type: 'choice', personal: { name: 'At the door' } };
const create = (change: Partial<BranchCreatedData> = {}) => command('CreateBranch', { ...facts, ...change });
const add = (change: Partial<BranchVariant> = {}) => command('AddVariant', { variantAssetId: 'take-1', weight: 0.5, ...change });
const select = command('SelectVariant', { variantAssetId: 'take-1' });
const remove = command('RemoveVariant', { variantAssetId: 'take-1' });
const rename = command('RenameBranch', { personal: { name: 'Before the door' } });
const close = command('CloseBranch', {});

const created: BranchEvent = { type: 'BranchCreated', data: facts };
const added: BranchEvent = { type: 'VariantAdded', data: { variantAssetId: 'take-1', weight: 0.5 } };
const selected: BranchEvent = { type: 'VariantSelected', data: { variantAssetId: 'take-1' } };
const removed: BranchEvent = { type: 'VariantRemoved', data: { variantAssetId: 'take-1' } };
const renamed: BranchEvent = { type: 'BranchRenamed', data: { personal: { name: 'Before the door' } } };
const closed: BranchEvent = { type: 'BranchClosed', data: {} };

describe('a branch', () => {
  it('is created once, whatever its name became', () => {
    given().when(create({ tag: undefined })).then(created);
    given(created, renamed).when(create()).thenNothing();
    given(created).when(create({ branchTime: 3 })).thenRefused('BRANCH_EXISTS');
  });

  it('takes variants, each once', () => {
    given(created).when(add()).then(added);
    given(created, added).when(add({ tag: undefined })).thenNothing();
    given(created, added).when(add({ weight: 0.6 })).thenRefused('VARIANT_DIFFERS', { variantAssetId: 'take-1' });
    given(created).when(add({ variantAssetId: 'source' })).thenRefused('SELF_LINK');
  });

  it('has one selected variant at most, which is one of its own', () => {
    expect(given(created, added).when(select).then(selected)).toMatchObject({ selected: 'take-1' });
    given(created, added, selected).when(select).thenNothing();
    given(created).when(select).thenRefused('UNKNOWN_VARIANT');
    given(created, added, removed).when(select).thenRefused('UNKNOWN_VARIANT');
  });

  it('loses a variant, and with it the selection', () => {
    expect(given(created, added, selected).when(remove).then(removed)).not.toHaveProperty('selected');
    given(created).when(remove).thenNothing();
  });

  it('is renamed and closed, each once', () => {
    given(created).when(rename).then(renamed);
    given(created, renamed).when(rename).thenNothing();
    given(created, added).when(close).then(closed);
    given(created, closed).when(close).thenNothing();
  });

  it('stays as it is once closed', () => {
    for (const change of [add({ variantAssetId: 'take-2' }), select, remove, rename]) {
      given(created, added, closed).when(change).thenRefused('BRANCH_CLOSED');
    }
    given(created, added, selected, closed).when(add()).thenNothing();
    given(created, added, selected, closed).when(select).thenNothing();
  });

  it('must be there', () => {
    for (const change of [add(), select, remove, rename, close]) given().when(change).thenRefused('UNKNOWN_BRANCH');
  });
});
