import { hostProvider } from '@ferry/provider-sdk';
import { createPixverse } from './pixverse.provider';
import { PixverseSettings } from './pixverse.settings';

void hostProvider({ providerId: 'pixverse', Settings: PixverseSettings, create: createPixverse });
