import { placeGivenSubject, type PlaceGiven } from '@ferry/contracts';
import type { Listener, Messaging } from '@ferry/messaging';
import type { Attempt, Attempts } from '../cache/attempts';

/** How long an attempt that was superseded by one at another node is remembered, in milliseconds: as long as its address counts. */
const REMEMBERED_MS = 60 * 60 * 1000;

/**
 * Nodes tell each other which attempts were given a place: an older one elsewhere, which a change of the asset's home has left
 * behind, breaks off instead of bringing the same bytes. One that is not told does no harm: the file's content is the same, or refused.
 */
export class PlaceNotices {
  private readonly listener: Listener;

  constructor(
    private readonly messaging: Messaging,
    private readonly nodeId: string,
    attempts: Attempts,
  ) {
    this.listener = messaging.subscribe<PlaceGiven>(placeGivenSubject(), ({ nodeId: by, ...attempt }) => {
      if (by !== nodeId) attempts.announcedElsewhere({ ...attempt, expiresAt: Date.now() + REMEMBERED_MS });
    });
  }

  tell({ assetId, downloadId, epoch, attempt }: Attempt): void {
    const given: PlaceGiven = { nodeId: this.nodeId, assetId, downloadId, epoch, attempt };
    this.messaging.publish(placeGivenSubject(), given);
  }

  close(): void {
    this.listener.close();
  }
}
