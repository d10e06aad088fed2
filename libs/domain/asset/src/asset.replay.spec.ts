import { join } from 'node:path';
import { replaySpec } from '@ferry/testing/specs';
import { assetDefinition } from './asset.decider';

replaySpec(assetDefinition, join(__dirname, '__histories__'), 'asset');
