import { ProvidersModule } from '@ferry/service-host/providers';
import { StoresModule } from '@ferry/service-host/stores';
import { Module } from '@nestjs/common';
import { DeleteAssetController } from './commands/delete-asset/delete-asset.controller';
import { LoseOriginController } from './commands/lose-origin/lose-origin.controller';
import { RebuildProjectionsController } from './commands/rebuild-projections/rebuild-projections.controller';
import { AssetFinder } from './commands/register-asset/asset-finder';
import { RegisterAsset } from './commands/register-asset/register-asset';
import { RegisterAssetController } from './commands/register-asset/register-asset.controller';
import { Projections } from './projections/projections';
import { AssetHistoryController } from './queries/asset-history/asset-history.controller';
import { AssetOwners } from './queries/asset-owners';
import { AssetViews } from './queries/asset-views';
import { GetAssetController } from './queries/get-asset/get-asset.controller';
import { ListAssetsController } from './queries/list-assets/list-assets.controller';
import { VerifyContentReactor } from './reactors/verify-content.reactor';

@Module({
  imports: [StoresModule, ProvidersModule],
  controllers: [
    RegisterAssetController,
    DeleteAssetController,
    LoseOriginController,
    GetAssetController,
    ListAssetsController,
    AssetHistoryController,
    RebuildProjectionsController,
  ],
  providers: [
    AssetOwners,
    AssetFinder,
    RegisterAsset,
    AssetViews,
    Projections,
    VerifyContentReactor,
  ],
})
export class AssetCatalogModule {}
