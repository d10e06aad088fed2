import { endedSubject, type RouteEnded } from '@ferry/contracts';
import { downloadDefinition, downloadStream, type DownloadCommand, type DownloadEvent, type DownloadState } from '@ferry/domain/download';
import { transferDefinition, transferStream, type RouteState, type TransferCommand, type TransferEvent } from '@ferry/domain/transfer';
import { metadataFor, type EventStore, type Handled } from '@ferry/event-store';
import { parseRunId } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import { stepBoundary } from '@ferry/observability';
import { MESSAGING } from '@ferry/service-host';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';

/** Whose run a command is about. */
export interface RunOf {
  readonly runId: string;
  readonly owner: string;
}

/** Whose doing it is; without an actor the service's own. */
export interface Who {
  readonly owner: string;
  readonly actor?: string;
  readonly commandId?: string;
}

const now = (): { now: string } => ({ now: new Date().toISOString() });
const metadataOf = ({ owner, actor = 'service:transfer', commandId = randomUUID() }: Who) => metadataFor({ owner, actor, commandId });

/** A command without its time, which the log gives it. */
type Order<C> = C extends { readonly type: infer T; readonly data: infer D } ? { readonly type: T; readonly data: D } : never;

/** Outcome by the command that ends a route's run. */
const OUTCOMES = { CompleteTransfer: 'completed', FailTransfer: 'failed', CancelTransfer: 'cancelled' } as const satisfies Partial<
  Record<TransferCommand['type'], RouteEnded['outcome']>
>;

/** The streams of runs as the service writes them; who waits for a route hears of its run's end. */
@Injectable()
export class RunLog {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(MESSAGING) private readonly messaging: Messaging,
  ) {}

  /** @param who whose doing it is, where it is a client's */
  async transfer({ runId, owner }: RunOf, order: Order<TransferCommand>, who?: Omit<Who, 'owner'>): Promise<Handled<RouteState, TransferEvent>> {
    const routeId = parseRunId(runId)!.subjectId;
    const handled = await this.route(routeId, { owner, ...who }, order);
    const outcome = OUTCOMES[order.type as keyof typeof OUTCOMES] as RouteEnded['outcome'] | undefined;
    if (outcome && handled.events.length) {
      if (outcome === 'completed') stepBoundary('transfer.after-complete-append');
      const ended: RouteEnded = { routeId, transferId: runId, outcome, token: handled.token };
      this.messaging.publish(endedSubject(routeId), ended);
      if (outcome === 'completed') stepBoundary('transfer.after-ended-notice');
    }
    return handled;
  }

  /** What ends no run. */
  route(routeId: string, who: Who, order: Order<TransferCommand>): Promise<Handled<RouteState, TransferEvent>> {
    const command = { ...order, metadata: now() } as TransferCommand;
    return this.store.handle({ definition: transferDefinition, stream: transferStream(routeId), command, metadata: metadataOf(who) });
  }

  download(assetId: string, who: Who, order: Order<DownloadCommand>): Promise<Handled<DownloadState, DownloadEvent>> {
    const command = { ...order, metadata: now() } as DownloadCommand;
    return this.store.handle({ definition: downloadDefinition, stream: downloadStream(assetId), command, metadata: metadataOf(who) });
  }
}
