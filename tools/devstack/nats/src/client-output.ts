import type { Socket } from 'node:net';

/** How long a closing client may take to read what is left, in milliseconds. */
const LINGER_MS = 500;

/** Collects what one turn of the event loop has for a client, and sends it in one write. */
export class ClientOutput {
  private parts: Buffer[] = [];
  private collected = 0;
  private scheduled = false;

  constructor(private readonly socket: Socket) {}

  /** Bytes that wait here or in the socket. */
  get pending(): number {
    return this.collected + this.socket.writableLength;
  }

  text(line: string): void {
    this.add(Buffer.from(line, 'latin1'));
  }

  add(part: Buffer): void {
    this.parts.push(part);
    this.collected += part.length;
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => this.flush());
  }

  /** Forgets what was not sent yet: its reader is too slow to get it. */
  discard(): void {
    this.parts = [];
    this.collected = 0;
  }

  /** Sends the rest and closes, by force if it is not read within half a second. */
  end(): void {
    this.flush();
    this.socket.end();
    const force = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once('close', () => clearTimeout(force));
  }

  private flush(): void {
    this.scheduled = false;
    if (this.collected === 0) return;
    const parts = this.parts;
    this.discard();
    if (!this.socket.writable) return;
    this.socket.write(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
  }
}
