import { endedSubject } from '@ferry/contracts';
import type { Listener, Messaging } from '@ferry/messaging';

interface Followed {
  readonly listener: Listener;
  readonly wakers: Set<() => void>;
  moment: number;
}

export interface Following extends Listener {
  /** Changes with each notice: a question that was asked at this moment was not asked too early for anyone who waits at it. */
  readonly moment: number;
}

/** Tells waiters that a route's run has ended, or may have while NATS was away. One subscription per route. */
export class RouteNotices {
  private readonly routes = new Map<string, Followed>();
  private readonly reconnects: Listener;
  private moments = 0;

  constructor(private readonly messaging: Messaging) {
    this.reconnects = messaging.onReconnect(() => this.routes.forEach((followed) => this.wake(followed)));
  }

  /** Subscribed when it returns: what is asked for after that cannot end unheard. */
  follow(routeId: string, wake: () => void): Following {
    const followed = this.routes.get(routeId) ?? this.subscribe(routeId);
    followed.wakers.add(wake);
    return {
      get moment() {
        return followed.moment;
      },
      close: () => this.leave(routeId, followed, wake),
    };
  }

  close(): void {
    this.reconnects.close();
  }

  private subscribe(routeId: string): Followed {
    const listener = this.messaging.subscribe(endedSubject(routeId), () => this.wake(followed));
    const followed: Followed = { listener, wakers: new Set(), moment: (this.moments += 1) };
    this.routes.set(routeId, followed);
    return followed;
  }

  private leave(routeId: string, { listener, wakers }: Followed, wake: () => void): void {
    wakers.delete(wake);
    if (wakers.size || this.routes.get(routeId)?.wakers !== wakers) return;
    this.routes.delete(routeId);
    listener.close();
  }

  private wake(followed: Followed): void {
    followed.moment = this.moments += 1;
    for (const wake of followed.wakers) wake();
  }
}
