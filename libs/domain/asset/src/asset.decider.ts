import { defined, sameJson, unreachable, type Command, type Decider, type ReferenceForms, type StreamDefinition } from '@ferry/kernel';
import { assetError } from './asset.errors';
import {
  ASSET_CATEGORY,
  ASSET_EVENT_TYPES,
  type AssetContent,
  type AssetEvent,
  type AssetRegisteredData,
  type Origin,
  type OriginLostData,
} from './asset.events';
import { evolve, initialState, type AssetState } from './asset.state';

/** Also for an asset that is known: its forms and their end are brought up to date. */
export type RegisterAsset = Command<'RegisterAsset', AssetRegisteredData & { readonly assetId: string }>;
export type VerifyContent = Command<'VerifyContent', AssetContent>;
/** The origin's provider gave new forms, or said that the old ones live. */
export type RefreshOrigin = Command<'RefreshOrigin', { readonly forms: ReferenceForms; readonly expiresAt?: string }>;
/** `seen` is the origin that was found to be gone: one that was refreshed meanwhile is not lost. */
export type LoseOrigin = Command<'LoseOrigin', OriginLostData & { readonly seen: Pick<Origin, 'forms' | 'expiresAt'> }>;
export type DeleteAsset = Command<'DeleteAsset', Readonly<Record<string, never>>>;

export type AssetCommand = RegisterAsset | VerifyContent | RefreshOrigin | LoseOrigin | DeleteAsset;

type Forms = Pick<Origin, 'forms' | 'expiresAt'>;

const isBefore = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && Date.parse(a) < Date.parse(b);

/**
 * What is known of an origin after somebody gave its forms again. The id and uri identify it and stay; a link is
 * replaced, unless the one given ends before the one known.
 */
const merge = (known: Forms, given: Forms): Forms => {
  const { id, idType, uri, ...links } = defined(given.forms);
  const { id: knownId, idType: knownIdType, uri: knownUri, ...knownLinks } = defined(known.forms);
  const name = knownId === undefined ? { id, idType } : { id: knownId, idType: knownIdType };
  const later = isBefore(known.expiresAt, given.expiresAt) || known.expiresAt === undefined;
  return defined({
    forms: {
      ...name,
      uri: knownUri ?? uri,
      ...(isBefore(given.expiresAt, known.expiresAt) ? { ...links, ...knownLinks } : { ...knownLinks, ...links }),
    },
    expiresAt: later ? given.expiresAt : known.expiresAt,
  });
};

const refresh = (known: Forms, given: Forms): AssetEvent[] => {
  const merged = merge(known, given);
  const same = sameJson(merged.forms, known.forms) && merged.expiresAt === known.expiresAt;
  return same ? [] : [{ type: 'AssetOriginRefreshed', data: merged }];
};

const registerAsset = ({ data }: RegisterAsset, state: AssetState): AssetEvent[] => {
  const { assetId, life, origin, kind, capture, declared, parents, generation, personal } = data;
  switch (state.status) {
    case 'unregistered':
      return [{ type: 'AssetRegistered', data: defined({ life, origin, kind, capture, declared, parents, generation, personal }) }];
    case 'registered':
    case 'verified':
      if (state.kind !== kind) throw assetError('ASSET_KIND_DIFFERS', { assetId, kind: state.kind });
      return refresh(state.origin, origin);
    case 'deleted':
      throw assetError('ASSET_DELETED', { assetId, life: state.life });
    default:
      return unreachable(state);
  }
};

const verifyContent = ({ data }: VerifyContent, state: AssetState): AssetEvent[] => {
  const { sha256, sizeBytes, mimeType, kind, width, height, durationSeconds } = data;
  switch (state.status) {
    case 'unregistered':
      throw assetError('UNKNOWN_ASSET');
    case 'registered':
      return [{ type: 'AssetContentVerified', data: defined({ sha256, sizeBytes, mimeType, kind, width, height, durationSeconds }) }];
    case 'verified':
      if (state.content.sha256 === sha256) return [];
      throw assetError('CONTENT_CHANGED', { known: state.content.sha256, actual: sha256 });
    case 'deleted':
      return [];
    default:
      return unreachable(state);
  }
};

const refreshOrigin = ({ data: { forms, expiresAt } }: RefreshOrigin, state: AssetState): AssetEvent[] => {
  if (state.status === 'unregistered') throw assetError('UNKNOWN_ASSET');
  if (state.status === 'deleted') return [];
  const events = refresh(state.origin, { forms, expiresAt });
  if (events.length || state.originLost === undefined) return events;
  return [{ type: 'AssetOriginRefreshed', data: merge(state.origin, { forms, expiresAt }) }];
};

const loseOrigin = ({ data: { reason, personal, seen } }: LoseOrigin, state: AssetState): AssetEvent[] => {
  if (state.status === 'unregistered') throw assetError('UNKNOWN_ASSET');
  if (state.status === 'deleted' || state.originLost !== undefined) return [];
  const { forms, expiresAt } = state.origin;
  if (!sameJson({ forms, expiresAt }, { forms: seen.forms, expiresAt: seen.expiresAt })) return [];
  return [{ type: 'AssetOriginLost', data: defined({ reason, personal }) }];
};

const deleteAsset = (state: AssetState): AssetEvent[] => {
  if (state.status === 'unregistered') throw assetError('UNKNOWN_ASSET');
  return state.status === 'deleted' ? [] : [{ type: 'AssetDeleted', data: {} }];
};

export const decide = (command: AssetCommand, state: AssetState): AssetEvent[] => {
  switch (command.type) {
    case 'RegisterAsset':
      return registerAsset(command, state);
    case 'VerifyContent':
      return verifyContent(command, state);
    case 'RefreshOrigin':
      return refreshOrigin(command, state);
    case 'LoseOrigin':
      return loseOrigin(command, state);
    case 'DeleteAsset':
      return deleteAsset(state);
    default:
      return unreachable(command);
  }
};

export const assetDecider: Decider<AssetState, AssetCommand, AssetEvent> = { decide, evolve, initialState };

export const assetDefinition: StreamDefinition<AssetState, AssetCommand, AssetEvent> = {
  category: ASSET_CATEGORY,
  eventTypes: ASSET_EVENT_TYPES,
  decider: assetDecider,
};
