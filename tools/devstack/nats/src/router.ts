import type { Message } from './operation';
import { SubjectTrie } from './subject-trie';

/** A client as the router sees it. */
export interface Receiver {
  /** @returns false when the client does not take it: it is closing, or refuses its own messages */
  deliver(subscription: Subscription, message: Message, from: Receiver): boolean;
  /** The server's own answer: it does not count towards the subscription's maximum. */
  sendStatus(subscription: Subscription, message: Message): void;
}

export interface Subscription {
  readonly receiver: Receiver;
  readonly sid: string;
  readonly subject: string;
  readonly queue?: string;
  delivered: number;
  /** Deliveries after which it ends by itself. */
  max?: number;
}

/** Who gets a message. */
export class Router {
  private readonly subscriptions = new SubjectTrie<Subscription>();

  add(subscription: Subscription): void {
    this.subscriptions.add(subscription);
  }

  remove(subscription: Subscription): void {
    this.subscriptions.remove(subscription);
  }

  hasSubscriptions(): boolean {
    return !this.subscriptions.isEmpty();
  }

  /** Gives the message to every plain subscription and to one member of each queue group. @returns whether anybody took it */
  publish(message: Message, from: Receiver): boolean {
    const { plain, queues } = this.subscriptions.match(message.subject);
    let taken = false;
    for (const subscription of plain) {
      if (subscription.receiver.deliver(subscription, message, from)) taken = true;
    }
    for (const members of queues.values()) {
      if (deliverToOne(members, message, from)) taken = true;
    }
    return taken;
  }

  /** The 503 status that a requester gets at once when nobody listens. */
  answerNoResponders(reply: string, requester: Receiver): void {
    const own = this.subscriptions.match(reply).plain.find(({ receiver }) => receiver === requester);
    if (own) requester.sendStatus(own, { ...NO_RESPONDERS, subject: reply });
  }
}

const STATUS = 'NATS/1.0 503\r\n\r\n';
const NO_RESPONDERS = { headerSize: STATUS.length, size: STATUS.length, body: Buffer.from(`${STATUS}\r\n`) };

/** Starts at a random member and goes on to the next when one does not take it. */
function deliverToOne(members: Subscription[], message: Message, from: Receiver): boolean {
  const start = Math.floor(Math.random() * members.length);
  for (let step = 0; step < members.length; step += 1) {
    const member = members[(start + step) % members.length];
    if (member?.receiver.deliver(member, message, from)) return true;
  }
  return false;
}
