import type { RecordedEvent } from '../records';

const MAX_IDS = 100_000;

/**
 * Event ids written lately, for appends that do not name a revision. In memory and empty after a restart, as in the
 * real server: such an append is then written again.
 */
export class RecentIds {
  private readonly revisions = new Map<string, { stream: string; revision: number }>();

  revisionOf(id: string, stream: string): number | undefined {
    const known = this.revisions.get(id);
    return known?.stream === stream ? known.revision : undefined;
  }

  remember(events: readonly RecordedEvent[]): void {
    for (const { id, stream, revision } of events) {
      // An id that was written twice stays known for its first place.
      if (!this.revisions.has(id)) this.revisions.set(id, { stream, revision });
    }
    for (const oldest of this.revisions.keys()) {
      if (this.revisions.size <= MAX_IDS) return;
      this.revisions.delete(oldest);
    }
  }

  clear(): void {
    this.revisions.clear();
  }
}
