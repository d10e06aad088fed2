import { isOpen, type RequestTransfer, type RouteReference, type RouteState } from '@ferry/domain/transfer';
import type { FerryError, Route } from '@ferry/kernel';
import { Counter, metrics, type Logger } from '@ferry/observability';
import { LOGGER } from '@ferry/service-host';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { RunIndex } from '../engine/run-index';
import { RunLog } from '../engine/run-log';
import { Memory } from '../memory/memory';
import { UsageLog } from '../usage/usage-log';
import { RefreshConfig } from './refresh.config';
import { refreshWindow, type RefreshWindow } from './refresh-window';

const LOOK_MS = 500;
/** References in use near their end that one process remembers; of more, the last ones used are left to their next resolve. */
const MAX_DUE = 50_000;

interface Due extends RefreshWindow {
  readonly assetId: string;
  /** It was asked for: not again before this time (milliseconds since 1970), should it have failed. */
  readonly notBefore: number;
}

const refreshes = (): Counter => {
  const name = 'ferry_refreshes_total';
  const known = metrics.getSingleMetric(name) as Counter | undefined;
  return known ?? new Counter({ name, help: 'Renewals of references that this process began, or failed to begin.', labelNames: ['outcome'] });
};

/**
 * Renews references that are in use before their end, so that nobody waits for a new one. Each replica looks at what it has handed
 * out itself, in its memory alone; the route's stream lets two of them make one run. A renewal that fails changes nothing: the
 * reference stands beside the run.
 */
@Injectable()
export class Refresher implements OnApplicationBootstrap, OnModuleDestroy {
  /** By route. */
  private readonly due = new Map<string, Due>();
  private readonly counter = refreshes();
  private timer: NodeJS.Timeout | undefined;
  private isClosing = false;
  private looking: Promise<void> = Promise.resolve();
  private busy = false;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly log: RunLog,
    private readonly memory: Memory,
    private readonly directory: ProviderDirectory,
    private readonly index: RunIndex,
    private readonly usage: UsageLog,
    private readonly config: RefreshConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.usage.listen((uses) => uses.forEach(({ routeId, assetId }) => this.used(routeId, assetId)));
    this.timer = setInterval(() => {
      if (!this.busy) this.looking = this.look();
    }, LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.timer);
    this.due.clear();
    await this.looking;
  }

  /** Only what is used near its end is remembered. */
  private used(routeId: string, assetId: string): void {
    const known = this.windowOf(this.memory.route(routeId)?.state);
    const now = Date.now();
    if (!known || now < known.usedSince || now >= known.closesAt || (this.due.size >= MAX_DUE && !this.due.has(routeId))) return;
    this.due.set(routeId, { ...known, assetId, notBefore: Math.max(known.opensAt, this.due.get(routeId)?.notBefore ?? 0) });
  }

  private windowOf(state: RouteState | undefined): RefreshWindow | undefined {
    if (!state?.reference || !state.route) return undefined;
    const { providerId, variant } = state.route;
    const provider = this.directory.knownDescription(providerId);
    const found = provider?.variants.find((candidate) => candidate.variant === variant);
    return provider && found && refreshWindow(state.reference, found, provider, this.config.TRANSFER_REFRESH_SHARE);
  }

  /** Begins what is due, the nearest end first, as long as few renewals are open. */
  private async look(): Promise<void> {
    this.busy = true;
    try {
      const now = Date.now();
      for (const [routeId, { closesAt }] of this.due) if (closesAt <= now) this.due.delete(routeId);
      if (!this.due.size || !this.index.live) return;
      let open = [...this.index.entries()].filter(({ priority }) => priority === 'refresh').length;
      const ready = [...this.due].filter(([, { notBefore }]) => notBefore <= now).sort(([, a], [, b]) => a.closesAt - b.closesAt);
      for (const [routeId, due] of ready) {
        if (open >= this.config.TRANSFER_REFRESH_OPEN || this.isClosing) return;
        if (await this.renew(routeId, due)) open += 1;
      }
    } finally {
      this.busy = false;
    }
  }

  private async renew(routeId: string, due: Due): Promise<boolean> {
    try {
      const { state } = await this.memory.readRoute(routeId);
      const asset = await this.memory.readAsset(due.assetId);
      const window = this.windowOf(state);
      // Renewed by another replica, invalidated, under way, or of no use any more.
      if (!asset || asset.deleted || !window || window.opensAt > Date.now() || isOpen(state.run)) {
        this.due.delete(routeId);
        return false;
      }
      this.due.set(routeId, { ...due, notBefore: Date.now() + (due.closesAt - due.opensAt) / 4 });
      return await this.request(routeId, asset.owner, state.route!, state.reference!);
    } catch (error) {
      const { code } = error as FerryError;
      this.counter.inc({ outcome: 'refused' });
      this.logger.warn({ err: error, routeId, code }, 'a reference near its end was not renewed');
      this.due.set(routeId, { ...due, notBefore: Date.now() + (due.closesAt - due.opensAt) / 4 });
      return false;
    }
  }

  private async request(routeId: string, owner: string, route: Route, { referenceId, expiresAt }: RouteReference): Promise<boolean> {
    // What lives longer than this reference was made by somebody else meanwhile, and is enough.
    const newer = expiresAt === undefined ? { minAliveUntil: new Date().toISOString(), deadReferenceId: referenceId } : { minAliveUntil: new Date(Date.parse(expiresAt) + 1).toISOString() };
    const data: RequestTransfer['data'] = { ...route, routeId, reason: 'refresh', priority: 'refresh', ...newer };
    const { events } = await this.log.route(routeId, { owner, commandId: `refresh:${referenceId}:${randomUUID()}` }, { type: 'RequestTransfer', data });
    if (events.length) this.counter.inc({ outcome: 'begun' });
    return events.length > 0;
  }
}
