import { join } from 'node:path';
import { replaySpec } from '@ferry/testing/specs';
import { warmingDefinition } from './warming.decider';

replaySpec(warmingDefinition, join(__dirname, '__histories__'), 'warming');
