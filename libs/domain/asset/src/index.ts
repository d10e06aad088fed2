export {
  assetDecider,
  assetDefinition,
  type AssetCommand,
  type DeleteAsset,
  type LoseOrigin,
  type RefreshOrigin,
  type RegisterAsset,
  type VerifyContent,
} from './asset.decider';
export { type AssetErrorCode } from './asset.errors';
export * from './asset.events';
export { type AssetState, type LiveAsset, type RegisteredAsset, type VerifiedAsset } from './asset.state';
