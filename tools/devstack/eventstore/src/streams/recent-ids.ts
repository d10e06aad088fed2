import { Lru } from '../storage/lru';

const MAX_IDS = 100_000;

/** Where an event was written. */
export interface Place {
  readonly stream: string;
  readonly revision: number;
}

/**
 * Event ids written lately, for appends that do not name a revision. In memory and empty after a restart, as in the
 * real server: such an append is then written again.
 */
export class RecentIds {
  private readonly written = new Lru<string, Place>(MAX_IDS);

  get(id: string): Place | undefined {
    return this.written.get(id);
  }

  /** An id that is written again, to whatever stream, stays known for its first place. */
  remember(id: string, place: Place): void {
    if (!this.written.get(id)) this.written.set(id, place);
  }
}
