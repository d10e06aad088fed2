import type { ServerWritableStream } from '@grpc/grpc-js';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import type { ServerStatus } from './status';

export type ReadCall = ServerWritableStream<ReadReq, Uint8Array>;

const MAX_MESSAGES = 64;
const MAX_BYTES = 1024 * 1024;

/** What is on its way to one reader: bounded, and it says when there is room again. */
export class Outbox {
  private messages = 0;
  private bytes = 0;
  private closed = false;
  private waiting: (() => void) | undefined;

  constructor(
    private readonly call: ReadCall,
    private readonly onClosed: () => void = () => undefined,
  ) {
    call.on('cancelled', () => this.close());
    call.on('close', () => this.close());
  }

  get isClosed(): boolean {
    return this.closed;
  }

  get isFull(): boolean {
    return this.messages >= MAX_MESSAGES || this.bytes >= MAX_BYTES;
  }

  send(message: Uint8Array): void {
    if (this.closed) return;
    this.messages++;
    this.bytes += message.length;
    this.call.write(message, () => this.written(message.length));
  }

  /** Calls back once, when there is room or nobody listens any more. */
  whenReady(callback: () => void): void {
    if (this.closed || !this.isFull) callback();
    else this.waiting = callback;
  }

  end(): void {
    if (!this.closed) this.call.end();
    this.close();
  }

  /** Ends with an error; what was sent before arrives first. */
  fail(status: ServerStatus): void {
    if (!this.closed) this.call.emit('error', status);
    this.close();
  }

  private written(bytes: number): void {
    this.messages--;
    this.bytes -= bytes;
    if (this.messages <= MAX_MESSAGES / 2 && this.bytes < MAX_BYTES / 2) this.wake();
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClosed();
    this.wake();
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.();
  }
}
