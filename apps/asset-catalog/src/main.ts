import { bootstrapService } from '@ferry/service-host';
import { AssetCatalogModule } from './asset-catalog.module';

void bootstrapService(AssetCatalogModule, { name: 'asset-catalog' });
