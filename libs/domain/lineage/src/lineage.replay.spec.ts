import { join } from 'node:path';
import { replaySpec } from '@ferry/testing/specs';
import { branchDefinition } from './branch.decider';
import { lineageDefinition } from './lineage.decider';

replaySpec(lineageDefinition, join(__dirname, '__histories__'), 'lineage');
replaySpec(branchDefinition, join(__dirname, '__histories__'), 'branch');
