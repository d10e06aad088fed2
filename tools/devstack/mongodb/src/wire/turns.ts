import type { Doc } from '../bson/values';
import { errorReply } from '../commands/dispatch';
import type { Store } from '../storage/store';
import { encodeReply, type Message } from './messages';

/** Replies that wait for one commit, in bytes; more than that go out first. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

interface Waiting {
  message: Message;
  run: () => Doc;
  send: (reply: Buffer) => void;
}

/** Runs the messages that come in one turn of the event loop, of all connections, and answers them after one commit. */
export class Turns {
  private waiting: Waiting[] = [];

  constructor(private readonly store: Store) {}

  add(waiting: Waiting): void {
    if (this.waiting.length === 0) setImmediate(() => this.end());
    this.waiting.push(waiting);
  }

  private end(): void {
    const all = this.waiting;
    this.waiting = [];
    for (let from = 0; from < all.length; ) from = this.answer(all, from);
  }

  /** Answers messages from this one on, as many as one commit keeps; gives the place of the next. */
  private answer(all: Waiting[], from: number): number {
    const answered: { waiting: Waiting; reply: Buffer }[] = [];
    let failure: Doc | undefined;
    try {
      this.store.group(() => {
        let bytes = 0;
        for (const waiting of all.slice(from)) {
          const reply = replyTo(waiting);
          answered.push({ waiting, reply });
          bytes += reply.length;
          if (bytes > MAX_WAITING_BYTES) break;
        }
      });
    } catch (error) {
      failure = errorReply(error);
    }
    for (const { waiting, reply } of answered) {
      if (!waiting.message.silent) waiting.send(failure ? encodeReply(waiting.message, failure) : reply);
    }
    return from + answered.length;
  }
}

function replyTo({ message, run }: Waiting): Buffer {
  try {
    return encodeReply(message, run());
  } catch (error) {
    return encodeReply(message, errorReply(error));
  }
}
