import type { Socket } from 'node:net';
import { ClientOutput } from './client-output';
import { BEFORE_CONNECT, parseConnectOptions } from './connect-options';
import type { Limits } from './limits';
import { type Message, type Operation, parserError, ProtocolError } from './operation';
import { ProtocolParser } from './protocol-parser';
import type { Receiver, Router, Subscription } from './router';
import { isValidPublishSubject, isValidSubscription } from './subjects';

/** One client: its options, its subscriptions, its output. */
export class ClientConnection implements Receiver {
  private readonly parser: ProtocolParser;
  private readonly output: ClientOutput;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly pingTimer: NodeJS.Timeout;
  private options = BEFORE_CONNECT;
  private heardSincePing = false;
  private pingsOut = 0;
  private open = true;

  constructor(socket: Socket, private readonly router: Router, private readonly limits: Limits) {
    this.parser = new ProtocolParser(limits);
    this.output = new ClientOutput(socket);
    this.pingTimer = setInterval(() => this.ping(), limits.pingIntervalMs);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.receive(chunk));
    // A socket error is always followed by 'close', which does all there is to do.
    socket.on('error', () => this.forget());
    socket.on('close', () => this.forget());
  }

  sendInfo(info: Record<string, unknown>): void {
    this.output.add(Buffer.from(`INFO ${JSON.stringify(info)}\r\n`));
  }

  /** Sends what is left, and closes. */
  close(reason?: string): void {
    if (!this.open) return;
    this.forget();
    if (reason !== undefined) this.output.text(`-ERR '${reason}'\r\n`);
    this.output.end();
  }

  deliver(subscription: Subscription, message: Message, from: Receiver): boolean {
    if (!this.open || (from === this && !this.options.echo)) return false;
    if (this.subscriptions.get(subscription.sid) !== subscription) return false;
    this.sendMessage(subscription.sid, message);
    subscription.delivered += 1;
    if (subscription.delivered === subscription.max) this.removeSubscription(subscription);
    this.checkPace();
    return true;
  }

  sendStatus(subscription: Subscription, message: Message): void {
    this.sendMessage(subscription.sid, message);
    this.checkPace();
  }

  private checkPace(): void {
    if (this.output.pending > this.limits.maxPending) {
      this.output.discard();
      this.close('Slow Consumer');
    }
  }

  private receive(chunk: Buffer): void {
    this.heardSincePing = true;
    try {
      for (const operation of this.parser.operations(chunk)) {
        if (!this.open) return;
        this.handle(operation);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.close(error.message);
    }
  }

  private handle(operation: Operation): void {
    switch (operation.type) {
      case 'CONNECT':
        this.options = parseConnectOptions(operation.json, this.options);
        return this.acknowledge();
      case 'PING':
        return this.output.text('PONG\r\n');
      case 'PONG':
        this.pingsOut = 0;
        return;
      case 'SUB':
        return this.subscribe(operation);
      case 'UNSUB':
        return this.unsubscribe(operation.sid, operation.max);
      case 'PUB':
        return this.publish(operation.message, operation.hasHeaders);
      case 'IGNORED':
        return;
      default: {
        const never: never = operation;
        throw new Error(`unhandled operation ${JSON.stringify(never)}`);
      }
    }
  }

  private acknowledge(): void {
    if (this.options.verbose) this.output.text('+OK\r\n');
  }

  private subscribe({ subject, queue, sid }: Extract<Operation, { type: 'SUB' }>): void {
    if (!isValidSubscription(subject)) {
      this.output.text("-ERR 'Invalid Subject'\r\n");
      return;
    }
    if (!this.subscriptions.has(sid)) {
      const subscription: Subscription = { receiver: this, sid, subject, queue, delivered: 0 };
      this.subscriptions.set(sid, subscription);
      this.router.add(subscription);
    }
    this.acknowledge();
  }

  private unsubscribe(sid: string, max = 0): void {
    const subscription = this.subscriptions.get(sid);
    if (subscription && subscription.delivered < max) subscription.max = max;
    else if (subscription) this.removeSubscription(subscription);
    this.acknowledge();
  }

  private publish(message: Message, hasHeaders: boolean): void {
    if (hasHeaders && !this.options.headers) throw parserError();
    if (this.options.pedantic && !isValidPublishSubject(message.subject)) {
      this.output.text("-ERR 'Invalid Publish Subject'\r\n");
    }
    this.acknowledge();
    const taken = this.router.publish(message, this);
    if (!taken && message.reply !== undefined && this.options.noResponders) {
      this.router.answerNoResponders(message.reply, this);
    }
  }

  private sendMessage(sid: string, { subject, reply, headerSize, size, body }: Message): void {
    const address = reply === undefined ? `${subject} ${sid}` : `${subject} ${sid} ${reply}`;
    if (headerSize === 0) {
      this.output.text(`MSG ${address} ${size}\r\n`);
      this.output.add(body);
    } else if (this.options.headers) {
      this.output.text(`HMSG ${address} ${headerSize} ${size}\r\n`);
      this.output.add(body);
    } else {
      this.output.text(`MSG ${address} ${size - headerSize}\r\n`);
      this.output.add(body.subarray(headerSize));
    }
  }

  private ping(): void {
    if (this.heardSincePing) {
      this.heardSincePing = false;
      this.pingsOut = 0;
      return;
    }
    if (this.pingsOut >= this.limits.maxPingsOut) {
      this.close('Stale Connection');
      return;
    }
    this.pingsOut += 1;
    this.output.text('PING\r\n');
  }

  private removeSubscription(subscription: Subscription): void {
    this.subscriptions.delete(subscription.sid);
    this.router.remove(subscription);
  }

  private forget(): void {
    if (!this.open) return;
    this.open = false;
    clearInterval(this.pingTimer);
    for (const subscription of this.subscriptions.values()) this.router.remove(subscription);
    this.subscriptions.clear();
  }
}
