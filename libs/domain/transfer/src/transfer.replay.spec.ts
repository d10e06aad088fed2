import { join } from 'node:path';
import { replaySpec } from '@ferry/testing/specs';
import { transferDefinition } from './transfer.decider';

replaySpec(transferDefinition, join(__dirname, '__histories__'), 'transfer');
