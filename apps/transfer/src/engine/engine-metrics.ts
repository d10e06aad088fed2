import { Counter, gaugeOf } from '@ferry/observability';
import { Injectable } from '@nestjs/common';
import type { GateCall } from './provider-gate';
import type { JobOutcome } from './provider-jobs';
import type { ProviderGate } from './provider-gate';
import type { RunQueue } from './run-queue';

interface Watched {
  readonly queue: RunQueue;
  readonly gate: ProviderGate;
  readonly parked: () => number;
  readonly driven: () => number;
}

const BREAKER_STATES = ['closed', 'half-open', 'open'] as const;
const PERMIT_LABELS = ['key'] as const;

/** What the engine says of itself to /metrics; read when asked. */
@Injectable()
export class EngineMetrics {
  private readonly attempts = new Counter({
    name: 'ferry_provider_attempts_total',
    help: 'Attempts at providers that ended, by provider, account and operation, and by the kind of their failure or "ok".',
    labelNames: ['key', 'kind'],
  });

  attempted({ key }: GateCall, outcome: JobOutcome): void {
    const kind = outcome.status === 'failed' ? outcome.error.kind : outcome.status === 'gone' ? 'gone' : 'ok';
    this.attempts.inc({ key, kind });
  }

  watch({ queue, gate, parked, driven }: Watched): void {
    gaugeOf('ferry_queue_depth', 'Runs that this worker may take and has no place for.', ['kind', 'priority'], (set) => {
      for (const { kind, priority, waiting } of queue.depth()) set({ kind, priority }, waiting);
    });
    gaugeOf('ferry_queue_oldest_seconds', 'Age of the oldest request among them.', ['kind'], (set) => {
      for (const kind of ['transfer', 'download'] as const) {
        const oldest = queue.oldest(kind);
        set({ kind }, oldest === undefined ? 0 : Math.max(0, (Date.now() - Date.parse(oldest)) / 1_000));
      }
    });
    gaugeOf('ferry_runs_parked', 'Runs of this worker that wait for a time, a permit or a breaker.', [], (set) => set({}, parked()));
    gaugeOf('ferry_runs_driven', 'Runs that this worker works on.', [], (set) => set({}, driven()));
    gaugeOf('ferry_permits_in_use', 'Permits of this process, by provider, account and operation.', PERMIT_LABELS, (set) => {
      for (const { key, inUse } of gate.permitCounts()) set({ key }, inUse);
    });
    gaugeOf('ferry_permits_waiting', 'Calls of this process that wait for a permit.', PERMIT_LABELS, (set) => {
      for (const { key, waiting } of gate.permitCounts()) set({ key }, waiting);
    });
    gaugeOf('ferry_breaker_state', '1 for the state that the breaker is in.', ['key', 'state'], (set) => {
      for (const breaker of gate.breakerStates()) for (const state of BREAKER_STATES) set({ key: breaker.key, state }, breaker.state === state ? 1 : 0);
    });
  }
}
