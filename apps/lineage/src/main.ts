import { bootstrapService } from '@ferry/service-host';
import { LineageModule } from './lineage.module';

void bootstrapService(LineageModule, { name: 'lineage' });
