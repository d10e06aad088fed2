import type { Messaging } from '@ferry/messaging';
import { MESSAGING } from '@ferry/service-host';
import { Inject, Injectable } from '@nestjs/common';

/** Milliseconds in which a service must have answered. */
export const ANSWER_MS = 10_000;

/** The services behind the API. */
@Injectable()
export class Services {
  constructor(@Inject(MESSAGING) private readonly messaging: Messaging) {}

  /** @throws FerryError the service's own; SERVICE_UNAVAILABLE, REQUEST_TIMEOUT */
  ask<Answer extends object>(subject: string, request: object, timeoutMs = ANSWER_MS): Promise<Answer> {
    return this.messaging.request<Answer>(subject, request, { timeoutMs });
  }
}
