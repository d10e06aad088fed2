import { gaugeOf, type Logger } from '@ferry/observability';
import { LOGGER } from '@ferry/service-host';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Deadlines } from './deadlines';

const LOOK_MS = 5_000;

/** How many origins will end uncaptured, and when the next one does. Every replica tells the same. */
@Injectable()
export class CaptureMetrics implements OnApplicationBootstrap, OnModuleDestroy {
  private uncaptured = NaN;
  /** Milliseconds since 1970; Infinity: none ends, NaN: it is not known now. */
  private nextEndMs = NaN;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly deadlines: Deadlines,
  ) {
    gaugeOf('ferry_next_uncaptured_origin_seconds', 'Seconds until the next origin ends whose bytes nothing else has; +Inf: none does, NaN: not known now.', [], (set) => {
      set({}, Math.max(0, (this.nextEndMs - Date.now()) / 1_000));
    });
    gaugeOf('ferry_uncaptured_origins', 'Origins that will end, known or assumed, and whose bytes nothing else has; NaN: not known now.', [], (set) => set({}, this.uncaptured));
  }

  onApplicationBootstrap(): void {
    const look = () => {
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    };
    look();
    this.timer = setInterval(look, LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private async look(): Promise<void> {
    try {
      const afterMs = Date.now();
      const [uncaptured, [next]] = await Promise.all([this.deadlines.count({ afterMs }), this.deadlines.find({ afterMs, limit: 1 })]);
      this.uncaptured = uncaptured;
      this.nextEndMs = next?.endsAtMs ?? Infinity;
    } catch (error) {
      this.uncaptured = NaN;
      this.nextEndMs = NaN;
      this.logger.warn({ err: error }, 'it is not known now which origins end');
    }
  }
}
