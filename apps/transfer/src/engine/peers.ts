import { BEAT_SUBJECT, beatSubject, holdsSubject, HoldsRequest, type HoldsAnswer } from '@ferry/contracts';
import type { Listener, Messaging } from '@ferry/messaging';

const BEAT_MS = 1_000;
/** A worker that has missed this many beats is asked. */
const MISSED = 3;
const ASK_MS = 1_000;
const FORGET_MS = 60_000;

/** Who else works: each worker beats every second; one that is silent is asked before its run is taken over. */
export class Peers {
  private readonly heard = new Map<string, number>();
  private readonly listeners: Listener[] = [];
  private beating: NodeJS.Timeout | undefined;

  constructor(
    private readonly messaging: Messaging,
    private readonly workerId: string,
    private readonly holds: (runId: string, epoch: number) => boolean,
  ) {}

  start(): void {
    this.listeners.push(
      this.messaging.subscribe<{ workerId: string }>(BEAT_SUBJECT, ({ workerId }) => void this.heard.set(workerId, performance.now())),
      this.messaging.respond(holdsSubject(this.workerId), HoldsRequest, async ({ runId, epoch }): Promise<HoldsAnswer> => ({
        holds: this.holds(runId, epoch),
      })),
    );
    this.beat();
    this.beating = setInterval(() => this.beat(), BEAT_MS);
  }

  stop(): void {
    clearInterval(this.beating);
    for (const listener of this.listeners) listener.close();
  }

  /** No beat for three seconds, counted only while this process could have heard one: for an unknown worker from the first question on. */
  isSilent(workerId: string): boolean {
    const silence = MISSED * BEAT_MS;
    const now = performance.now();
    const last = this.heard.get(workerId) ?? now;
    this.heard.set(workerId, last);
    return this.messaging.connectedForMs >= silence && now - last >= silence;
  }

  /** Only a yes leaves the run where it is. */
  async stillHolds(workerId: string, runId: string, epoch: number): Promise<boolean> {
    try {
      const { holds } = await this.messaging.request<HoldsAnswer>(holdsSubject(workerId), { runId, epoch }, { timeoutMs: ASK_MS });
      this.heard.set(workerId, performance.now()); // whoever answers is not silent
      return holds;
    } catch {
      return false; // silence, absence and an error are all "anything else": the next epoch fences whoever still works
    }
  }

  private beat(): void {
    if (!this.messaging.connected) return;
    this.messaging.publish(beatSubject(this.workerId), { workerId: this.workerId });
    for (const [workerId, at] of this.heard) if (performance.now() - at > FORGET_MS) this.heard.delete(workerId);
  }
}
