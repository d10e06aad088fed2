import type { EventFilter } from '../wire/event-filter';

/** A page of history ends after so many matches, or when the window of the filter is full. */
const PAGE_MATCHES = 32;

interface Page {
  considered: number;
  matched: number;
  position: number;
}

/**
 * Tells a filtered subscription when a checkpoint is due. While it is live: after so many considered events, at the last
 * of them. Before, only where a page of history ends, and at the last event of the page that matched, or at its first.
 */
export class Checkpoints {
  private considered = 0;
  private page: Page | undefined;

  constructor(private readonly filter: EventFilter) {}

  /** Takes note of one considered event; the position of the checkpoint that follows it, if one does. */
  after(position: number, matched: boolean, isLive: boolean): number | undefined {
    this.considered++;
    if (!isLive) return this.afterHistoric(position, matched);
    if (this.considered < this.filter.checkpointEvery) return undefined;
    this.considered = 0;
    return position;
  }

  private afterHistoric(position: number, matched: boolean): number | undefined {
    const page = (this.page ??= { considered: 0, matched: 0, position });
    page.considered++;
    if (matched) {
      page.matched++;
      page.position = position;
    }
    if (page.considered < this.filter.window && page.matched < PAGE_MATCHES) return undefined;
    this.page = undefined;
    if (this.considered < this.filter.checkpointEvery) return undefined;
    this.considered %= this.filter.checkpointEvery;
    return page.position;
  }
}
