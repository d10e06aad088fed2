import { AuthorizeAccountRequest, providerSubjects, ResolveRequest, SUBJECTS, type ProviderCapabilities } from '@ferry/contracts';
import { LeaseManager } from '@ferry/coordination';
import { EventStore } from '@ferry/event-store';
import { routeIdOf, toPosition, transferIdOf, type RecordedEvent } from '@ferry/kernel';
import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { ReadModels } from '@ferry/read-models';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { IsOptional } from 'class-validator';
import { setImmediate } from 'node:timers/promises';
import { connect } from 'nats';
import { AssetReader } from '../../../../apps/transfer/src/assets/asset-reader';
import { RunLog } from '../../../../apps/transfer/src/engine/run-log';
import type { Worker } from '../../../../apps/transfer/src/engine/worker';
import { Memory } from '../../../../apps/transfer/src/memory/memory';
import { KnownAnswers } from '../../../../apps/transfer/src/resolve/known-answers';
import { ResolveService } from '../../../../apps/transfer/src/resolve/resolve.service';
import { UsageLog } from '../../../../apps/transfer/src/usage/usage-log';
import { ACCOUNT, assetIdOf, ECHO_SUBJECT, OWNER, PROVIDER, VARIANT } from './hot-names';

class DescribeRequest {
  @IsOptional() nothing?: string;
}

const capabilities: ProviderCapabilities = {
  providerId: PROVIDER,
  displayName: 'Bench',
  variants: [{ variant: VARIANT, kinds: ['video'], uses: ['character'], limits: { video: { mimeTypes: ['video/mp4'] } }, referenceIdType: VARIANT, returnsBytes: 'none' }],
  nativeUses: {},
  originIdTypes: ['video'],
  signatureParameters: [],
  safetyMarginSeconds: 60,
  rateLimits: {},
};

const NOW = new Date().toISOString();
const recorded = (type: string, data: object, revision: number): RecordedEvent =>
  ({ type, data, revision, id: '', streamName: '', position: toPosition(BigInt(revision)), created: NOW, metadata: { owner: OWNER } }) as unknown as RecordedEvent;

/** As the log would tell of an asset and a finished transfer of it. */
const remember = (memory: Memory, assetId: string): void => {
  const origin = { providerId: 'pixverse', accountId: 'pixverse-main', forms: { id: assetId.slice(0, 12), idType: 'video' } };
  memory.assets.apply(assetId, recorded('AssetRegistered', { life: 1, origin, kind: 'video', capture: 'onDemand' }, 0));
  const route = { assetId, providerId: PROVIDER, accountId: ACCOUNT, variant: VARIANT };
  const routeId = routeIdOf(route);
  const transferId = transferIdOf(routeId, 1);
  const events: [string, object][] = [
    ['TransferRequested', { transferId, ...route, reason: 'resolve', priority: 'resolve' }],
    ['TransferClaimed', { transferId, workerId: 'bench', epoch: 1 }],
    ['ProviderUrlCached', { transferId, referenceId: transferId, forms: { id: `char_${assetId.slice(0, 24)}`, idType: VARIANT } }],
    ['TransferCompleted', { transferId, completedAt: NOW }],
  ];
  events.forEach(([type, data], revision) => memory.routes.apply(routeId, recorded(type, data, revision)));
};

const rss = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().rss;
};

/**
 * What answers known routes in the transfer service, in a process of its own: the same memory, decision, rules and NATS client, with the stores
 * behind it that its liveness needs. Only its memory is filled with events made here, and it has no worker: nothing unknown is asked of it.
 */
const main = async ([natsUrl = '', eventStoreUrl = '', mongoUrl = '', count = '1']: string[]): Promise<void> => {
  const logger = createLogger('bench');
  const routes = Number(count);
  const config = { TRANSFER_MEMORY_ROUTES: Math.max(routes, 1_000), TRANSFER_REPORTS_PER_HOUR: 3, TRANSFER_USAGE_MS: 60_000 };
  const [messaging, echo] = await Promise.all([Messaging.connect({ url: natsUrl, name: 'bench', logger }), connect({ servers: natsUrl })]);
  echo.subscribe(ECHO_SUBJECT, { queue: 'bench', callback: (_, message) => void message.respond(message.data) });
  messaging.respond(providerSubjects(PROVIDER).describe, DescribeRequest, async () => capabilities);
  messaging.respond(providerSubjects(PROVIDER).authorize, AuthorizeAccountRequest, async () => ({ accountId: ACCOUNT, shared: false }));
  const store = EventStore.connect({ url: eventStoreUrl, logger });
  const models = ReadModels.connect({ url: mongoUrl, logger });
  const memory = new Memory(store, logger, new AssetReader(store), config);
  const before = rss();
  for (let number = 0; number < routes; number += 1) remember(memory, assetIdOf(number));
  const bytesPerRoute = Math.round((rss() - before) / routes);
  memory.onApplicationBootstrap();
  const usage = new UsageLog(store, new LeaseManager(models.db, 'bench'), logger, config);
  const directory = new ProviderDirectory(messaging, [PROVIDER]);
  const service = new ResolveService(new RunLog(store, messaging), memory, directory, {} as Worker, usage, config);
  const known = new KnownAnswers(memory, directory, usage, service);
  messaging.serve(SUBJECTS.transfer.resolve, ResolveRequest, (request) => service.resolve(request), { queue: 'transfer', quick: (request) => known.json(request) });
  await Promise.all([messaging.flush(), echo.flush()]);
  while (!memory.live) await setImmediate();
  process.stdout.write(`ready ${bytesPerRoute}\n`);
};

void main(process.argv.slice(2));
