import { hostProvider } from '@ferry/provider-sdk';
import { createSora } from './sora.provider';
import { SoraSettings } from './sora.settings';

void hostProvider({ providerId: 'sora', Settings: SoraSettings, create: createSora });
