import { defined, sameJson, unreachable, type Command, type Decider, type ParentLink, type StreamDefinition } from '@ferry/kernel';
import { lineageError } from './lineage.errors';
import { LINEAGE_CATEGORY, LINEAGE_EVENT_TYPES, type LineageEvent, type OrderedParentLink, type ParentLinkKey } from './lineage.events';
import { evolve, initialState, isSameLink, type LineageState } from './lineage.state';

/**
 * Without a sequenceOrder the parent comes after those there are, unless the same link is there already. `asRegistered`: it
 * follows from the child's registration, perhaps years ago, so a link that was taken away since stays away.
 */
export type LinkParent = Command<'LinkParent', { readonly childAssetId: string; readonly parent: ParentLink; readonly asRegistered?: boolean }>;
/** Without a sequenceOrder every link of that parent and relation goes. */
export type UnlinkParent = Command<'UnlinkParent', Omit<ParentLinkKey, 'sequenceOrder'> & { readonly sequenceOrder?: number }>;

export type LineageCommand = LinkParent | UnlinkParent;

const linkParent = ({ data: { childAssetId, parent, asRegistered } }: LinkParent, { parents, unlinked }: LineageState): LineageEvent[] => {
  if (parent.parentAssetId === childAssetId) throw lineageError('SELF_LINK', { assetId: childAssetId });
  const ordered = (sequenceOrder: number): OrderedParentLink => defined({ ...parent, sequenceOrder });
  if (asRegistered && unlinked.some((known) => sameJson(known, ordered(parent.sequenceOrder ?? known.sequenceOrder)))) return [];
  if (parent.sequenceOrder === undefined) {
    if (parents.some((known) => sameJson(known, ordered(known.sequenceOrder)))) return [];
    const next = Math.max(-1, ...parents.map(({ sequenceOrder }) => sequenceOrder)) + 1;
    return [{ type: 'ParentLinked', data: ordered(next) }];
  }
  const link = ordered(parent.sequenceOrder);
  const known = parents.find((other) => isSameLink(other, link));
  if (!known) return [{ type: 'ParentLinked', data: link }];
  if (sameJson(known, link)) return [];
  const { parentAssetId, relationType, sequenceOrder } = link;
  throw lineageError('LINK_DIFFERS', { parentAssetId, relationType, sequenceOrder });
};

const unlinkParent = ({ data }: UnlinkParent, { parents }: LineageState): LineageEvent[] =>
  parents
    .filter((parent) => isSameLink(parent, { ...data, sequenceOrder: data.sequenceOrder ?? parent.sequenceOrder }))
    .map(({ parentAssetId, relationType, sequenceOrder }) => ({ type: 'ParentUnlinked', data: { parentAssetId, relationType, sequenceOrder } }));

export const decide = (command: LineageCommand, state: LineageState): LineageEvent[] => {
  switch (command.type) {
    case 'LinkParent':
      return linkParent(command, state);
    case 'UnlinkParent':
      return unlinkParent(command, state);
    default:
      return unreachable(command);
  }
};

export const lineageDecider: Decider<LineageState, LineageCommand, LineageEvent> = { decide, evolve, initialState };

export const lineageDefinition: StreamDefinition<LineageState, LineageCommand, LineageEvent> = {
  category: LINEAGE_CATEGORY,
  eventTypes: LINEAGE_EVENT_TYPES,
  decider: lineageDecider,
};
