import { Lru } from '../storage/lru';

const MAX_IDS = 200_000;

/**
 * Event ids written lately, for appends that do not name a revision. In memory and empty after a restart, as in the
 * real server: such an append is then written again.
 */
export class RecentIds {
  private readonly written = new Lru<string, { stream: string; revision: number }>(MAX_IDS);

  revisionOf(id: string, stream: string): number | undefined {
    const known = this.written.get(id);
    return known?.stream === stream ? known.revision : undefined;
  }

  remember(id: string, stream: string, revision: number): void {
    this.written.set(id, { stream, revision });
  }
}
