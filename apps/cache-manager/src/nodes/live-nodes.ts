import { CACHE_NODE_BEAT_SUBJECT, cacheNodeBeatSubject, cacheRollCallSubject, type CacheNodeBeat } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import type { Listener, Messaging } from '@ferry/messaging';
import { gaugeOf, type Logger } from '@ferry/observability';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

const BEAT_MS = 1_000;
/** Own beats without one of a node after which it counts as gone. */
const SILENT_BEATS = 3;
/** How long a node that starts waits for the others to say that they are there. */
const ROLL_CALL_MS = 200;

interface Heard {
  readonly at: number;
  readonly isReady: boolean;
}

/**
 * Which cache nodes live: each beats every second and says good-bye. Silence is counted in beats of one's own, and only while the
 * message bus is there: after a freeze of this process, or a broken connection, the others are not taken for gone.
 */
export class LiveNodes {
  private readonly instanceId = randomUUID();
  private readonly heard = new Map<string, Heard>();
  private readonly listeners: Listener[] = [];
  private state: CacheNodeBeat['state'] = 'starting';
  private beats = 0;
  private beating: NodeJS.Timeout | undefined;
  private twin: string | undefined;

  constructor(
    private readonly messaging: Messaging,
    readonly nodeId: string,
    private readonly logger: Logger,
  ) {}

  /** Asks who is there, and waits a moment for the answers. @throws FerryError CACHE_NODE_ID_IN_USE */
  async join(): Promise<void> {
    this.listeners.push(
      this.messaging.subscribe<CacheNodeBeat>(CACHE_NODE_BEAT_SUBJECT, (beat) => this.hear(beat)),
      this.messaging.subscribe(cacheRollCallSubject(), () => this.beat()),
    );
    gaugeOf('ferry_cache_live_nodes', 'Cache nodes that are ready, as this one sees it, itself included.', [], (set) => set({}, this.others().length + (this.state === 'ready' ? 1 : 0)));
    this.messaging.publish(cacheRollCallSubject(), {});
    this.beating = setInterval(() => this.tick(), BEAT_MS);
    await wait(ROLL_CALL_MS);
    if (this.twin === undefined) return;
    this.stop();
    throw idInUse(this.nodeId);
  }

  /** This node knows where files are, and takes requests. */
  begin(): void {
    if (this.state !== 'starting') return;
    this.state = 'ready';
    this.beat();
  }

  /** The other nodes that are ready. */
  others(): readonly string[] {
    return [...this.heard].filter(([, heard]) => heard.isReady && !this.isSilent(heard)).map(([nodeId]) => nodeId);
  }

  /** Also of a node that had no time to be heard since this one started. */
  mayLive(nodeId: string): boolean {
    if (nodeId === this.nodeId) return true;
    const heard = this.heard.get(nodeId);
    return heard ? heard.isReady && !this.isSilent(heard) : this.beats < SILENT_BEATS;
  }

  /** Nobody answered in its name: it is gone until it is heard again. */
  gone(nodeId: string): void {
    this.heard.set(nodeId, { at: this.beats, isReady: false });
  }

  async leave(): Promise<void> {
    if (this.state === 'leaving') return;
    this.state = 'leaving';
    if (this.messaging.connected) {
      this.beat();
      await this.messaging.flush().catch((error: unknown) => this.logger.info({ err: error }, 'the other cache nodes were not told that this one leaves'));
    }
    this.stop();
  }

  private stop(): void {
    clearInterval(this.beating);
    for (const listener of this.listeners) listener.close();
  }

  private isSilent({ at }: Heard): boolean {
    return this.beats - at > SILENT_BEATS;
  }

  private tick(): void {
    if (!this.messaging.connected) return;
    this.beats += 1;
    this.beat();
  }

  private beat(): void {
    const beat: CacheNodeBeat = { nodeId: this.nodeId, instanceId: this.instanceId, state: this.state };
    this.messaging.publish(cacheNodeBeatSubject(this.nodeId), beat);
  }

  private hear({ nodeId, instanceId, state }: CacheNodeBeat): void {
    if (instanceId === this.instanceId) return;
    if (nodeId !== this.nodeId) this.heard.set(nodeId, { at: this.beats, isReady: state === 'ready' });
    else if (state !== 'leaving' && this.twin !== instanceId) {
      this.twin = instanceId;
      this.logger.error({ nodeId }, idInUse(nodeId).message);
    }
  }
}

const idInUse = (nodeId: string): FerryError =>
  new FerryError('CACHE_NODE_ID_IN_USE', 'conflict', `Another cache-manager runs as node ${nodeId}. Stop it first, or give this one its own name in CACHE_NODE_ID.`);
