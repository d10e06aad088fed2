import { join } from 'node:path';
import { replaySpec } from '@ferry/testing/specs';
import { downloadDefinition } from './download.decider';

replaySpec(downloadDefinition, join(__dirname, '__histories__'), 'download');
