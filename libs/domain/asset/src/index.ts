export * from './asset.commands';
export { assetDecider, assetDefinition } from './asset.decider';
export { type AssetErrorCode } from './asset.errors';
export * from './asset.events';
export { type AssetState, type LiveAsset, type RegisteredAsset, type VerifiedAsset } from './asset.state';
