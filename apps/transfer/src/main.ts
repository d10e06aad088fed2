import { bootstrapService } from '@ferry/service-host';
import { TransferModule } from './transfer.module';

void bootstrapService(TransferModule, { name: 'transfer' });
