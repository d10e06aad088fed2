import { ListTransfersRequest, SUBJECTS, TransferCommandRequest, TransferRequest, type TransferView } from '@ferry/contracts';
import { transferStream, type TransferEvent } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { FerryError, parseRunId, type RecordedEvent, type Token } from '@ferry/kernel';
import type { ReadModels, Runner } from '@ferry/read-models';
import { EVENT_STORE, READ_MODELS } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { AssetReader } from '../assets/asset-reader';
import { Cancellation } from '../engine/cancellation';
import { Progress } from '../engine/progress';
import { RunLog } from '../engine/run-log';
import { Worker } from '../engine/worker';
import { TRANSFERS_RUNNER } from '../transfer.config';
import { transferView } from './transfer-view';
import { transfersProjection } from './transfers.projection';

const VISIBLE_MS = 5_000;
const ENDED: ReadonlySet<TransferView['status']> = new Set(['completed', 'failed', 'cancelled'] as const);

@Controller()
export class TransfersController {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(TRANSFERS_RUNNER) private readonly runner: Runner,
    private readonly assets: AssetReader,
    private readonly log: RunLog,
    private readonly worker: Worker,
    private readonly cancellation: Cancellation,
    private readonly progress: Progress,
  ) {}

  @MessagePattern(SUBJECTS.transfer.get)
  async get(@Payload() { transferId, owner }: TransferRequest): Promise<TransferView> {
    const view = transferView(await this.eventsOf(transferId, owner), transferId);
    if (!view) throw unknownTransfer();
    const progress = ENDED.has(view.status) ? undefined : this.progress.of(transferId);
    return progress ? { ...view, progress } : view;
  }

  @MessagePattern(SUBJECTS.transfer.list)
  async list(@Payload() { assetId, owner, limit, atLeast }: ListTransfersRequest): Promise<{ items: TransferView[] }> {
    await this.assets.require(assetId, owner);
    if (atLeast?.stream.startsWith('transfer-')) await this.runner.waitFor(atLeast.position, VISIBLE_MS);
    const rows = this.models.collection(transfersProjection).find({ owner, assetId }, { sort: { requestedAt: -1 }, limit, maxTimeMS: VISIBLE_MS });
    const views = (await rows.toArray()).map(async ({ transferId }) => transferView(await this.eventsOf(transferId, owner), transferId));
    return { items: (await Promise.all(views)).filter((view) => view !== undefined) };
  }

  /** A new run after one that failed or was cancelled; of a run that has a successor, that one. */
  @MessagePattern(SUBJECTS.transfer.retry)
  async retry(@Payload() request: TransferCommandRequest): Promise<{ transferId: string; token: Token }> {
    const { transferId, owner } = request;
    await this.eventsOf(transferId, owner);
    const routeId = parseRunId(transferId)!.subjectId;
    const { state, token } = await this.worker.claiming((first) => this.log.route(routeId, request, { type: 'RetryTransfer', data: { transferId, ...first } }));
    this.worker.notice(owner, state);
    return { transferId: state.run?.transferId ?? transferId, token };
  }

  /** Ends a run that is open; of one that has ended, how it ended. What works on it is stopped before the answer, where it can be reached. */
  @MessagePattern(SUBJECTS.transfer.cancel)
  async cancel(@Payload() request: TransferCommandRequest): Promise<{ transferId: string; status?: string; token: Token }> {
    const { transferId, owner } = request;
    const events = await this.eventsOf(transferId, owner);
    if (!transferView(events, transferId)) throw unknownTransfer();
    const { token } = await this.cancellation.cancel(request);
    const { status } = transferView(await this.eventsOf(transferId, owner), transferId)!;
    return { transferId, status, token };
  }

  /** @throws FerryError UNKNOWN_TRANSFER also where it is another owner's */
  private async eventsOf(transferId: string, owner: string): Promise<RecordedEvent<TransferEvent>[]> {
    const events = await this.store.read<TransferEvent>(transferStream(parseRunId(transferId)!.subjectId));
    if (events[0]?.metadata.owner !== owner) throw unknownTransfer();
    return events;
  }
}

const unknownTransfer = (): FerryError => new FerryError('UNKNOWN_TRANSFER', 'not-found', 'There is no such transfer. Check the id.');
