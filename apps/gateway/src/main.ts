import { bootstrapService } from '@ferry/service-host';
import { edge } from './edge';
import { GatewayModule } from './gateway.module';

void bootstrapService(GatewayModule, { name: 'gateway', edge });
