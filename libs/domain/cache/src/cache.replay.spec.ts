import { join } from 'node:path';
import { replaySpec } from '@ferry/testing/specs';
import { cacheDefinition } from './cache.decider';

replaySpec(cacheDefinition, join(__dirname, '__histories__'), 'cache');
