import { endedSubject } from '@ferry/contracts';
import type { Listener, Messaging } from '@ferry/messaging';

interface Followed {
  readonly listener: Listener;
  readonly wakers: Set<() => void>;
}

/** Tells waiters that a route's run has ended, or may have while NATS was away. One subscription per route. */
export class RouteNotices {
  private readonly routes = new Map<string, Followed>();
  private readonly reconnects: Listener;

  constructor(private readonly messaging: Messaging) {
    this.reconnects = messaging.onReconnect(() => this.routes.forEach(({ wakers }) => wakers.forEach((wake) => wake())));
  }

  /** Subscribed when it returns: what is asked for after that cannot end unheard. */
  follow(routeId: string, wake: () => void): Listener {
    const followed = this.routes.get(routeId) ?? this.subscribe(routeId);
    followed.wakers.add(wake);
    return { close: () => this.leave(routeId, followed, wake) };
  }

  close(): void {
    this.reconnects.close();
  }

  private subscribe(routeId: string): Followed {
    const wakers = new Set<() => void>();
    const listener = this.messaging.subscribe(endedSubject(routeId), () => wakers.forEach((wake) => wake()));
    const followed = { listener, wakers };
    this.routes.set(routeId, followed);
    return followed;
  }

  private leave(routeId: string, { listener, wakers }: Followed, wake: () => void): void {
    wakers.delete(wake);
    if (wakers.size || this.routes.get(routeId)?.wakers !== wakers) return;
    this.routes.delete(routeId);
    listener.close();
  }
}
