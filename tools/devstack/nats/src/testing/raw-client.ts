import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '@ferry/testing/specs';

/** A client without a library: says exactly these bytes, and keeps all that came back. */
export class RawClient {
  received = '';
  closed = false;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1').on('data', (text: string) => (this.received += text));
    socket.on('close', () => (this.closed = true));
    socket.on('error', (error) => (this.received += `<${(error as NodeJS.ErrnoException).code}>`));
  }

  /** Connects and takes the INFO line. */
  static async to(port: number): Promise<RawClient & { info: Record<string, unknown> }> {
    const socket = connect(port, '127.0.0.1');
    const client = new RawClient(socket);
    await once(socket, 'connect');
    const line = await client.until(/^INFO (\{.*\})\s*\r\n/);
    client.received = client.received.slice(line[0].length);
    return Object.assign(client, { info: JSON.parse(line[1] as string) as Record<string, unknown> });
  }

  say(text: string): void {
    this.socket.write(text, 'latin1');
  }

  until(pattern: RegExp): Promise<RegExpMatchArray> {
    return eventually(() => {
      const match = this.received.match(pattern);
      if (!match) throw new Error(`nothing matches ${pattern} in ${JSON.stringify(this.received.slice(-500))}`);
      return match;
    }, { everyMs: 2 });
  }

  /** Says it with a PING behind, and returns all that came before the PONG and was not taken yet. */
  async exchange(text: string): Promise<string> {
    this.say(`${text}PING\r\n`);
    const [, before] = await this.until(/^([^]*)PONG\r\n$/);
    this.received = '';
    return before as string;
  }

  async untilClosed(): Promise<string> {
    await eventually(() => {
      if (!this.closed) throw new Error(`still open after ${JSON.stringify(this.received.slice(-500))}`);
    }, { everyMs: 2 });
    return this.received;
  }

  drop(): void {
    this.socket.destroy();
  }
}
