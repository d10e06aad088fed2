import { loadConfig } from '@ferry/service-host';
import type { Provider } from '@nestjs/common';
import { Memory } from '../memory/memory';
import { UsageLog } from '../usage/usage-log';
import { AnswersConfig } from './answers.config';
import { KnownAnswers } from './known-answers';
import { PlanService } from './plan.service';
import { ResolveEndpoint } from './resolve-endpoint';
import { ResolveService } from './resolve.service';

/** What answers: memory, decision, uses. The engine does the rest. */
export const ANSWER_PROVIDERS: Provider[] = [{ provide: AnswersConfig, useFactory: () => loadConfig(AnswersConfig) }, Memory, UsageLog, ResolveService, KnownAnswers, PlanService, ResolveEndpoint];
