import { bootstrapService } from '@ferry/service-host';
import { CacheManagerModule } from './cache-manager.module';

void bootstrapService(CacheManagerModule, { name: 'cache-manager' });
