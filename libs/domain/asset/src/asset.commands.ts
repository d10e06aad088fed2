import type { Command, ReferenceForms } from '@ferry/kernel';
import type { AssetContent, AssetRegisteredData } from './asset.events';

/** Also for an asset that is known: its forms and their end are brought up to date. */
export type RegisterAsset = Command<'RegisterAsset', AssetRegisteredData & { readonly assetId: string }>;
export type VerifyContent = Command<'VerifyContent', AssetContent>;
/** The origin's provider gave new forms, or said that the old ones live. */
export type RefreshOrigin = Command<'RefreshOrigin', { readonly forms: ReferenceForms; readonly expiresAt?: string }>;
export type LoseOrigin = Command<'LoseOrigin', { readonly reason: string }>;
export type DeleteAsset = Command<'DeleteAsset', Readonly<Record<string, never>>>;

export type AssetCommand = RegisterAsset | VerifyContent | RefreshOrigin | LoseOrigin | DeleteAsset;
