import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { MALFORMED } from './malformed';
import { unknown } from './status';

type Listener = Parameters<ServerInterceptingCall['start']>[0];

const MAX_MESSAGES = 256;
/**
 * Less than half of what a client takes before it has answered (64 KiB). What is handed over leaves at once; were it all
 * of that, client and server would wait for each other in turn, instead of working at the same time.
 */
const MAX_BYTES = 24 * 1024;

/**
 * Lets a call hand over its next message before the last one has left, up to a bound. gRPC waits for each one, which
 * costs a turn of the event loop per event; so the connection gets many at once.
 */
class WriteBehind extends ServerInterceptingCall {
  private messages = 0;
  private bytes = 0;
  private held: (() => void) | undefined;

  override start(listener: Listener): void {
    super.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message: unknown) => {
        if (message === MALFORMED) this.sendStatus(unknown('the bytes are no message of this method'));
        else listener.onReceiveMessage(message);
      },
      onReceiveHalfClose: () => listener.onReceiveHalfClose(),
      onCancel: () => listener.onCancel(),
    });
  }

  override sendMessage(message: unknown, callback: () => void): void {
    const size = message instanceof Uint8Array ? message.length : 0;
    this.messages++;
    this.bytes += size;
    if (this.messages < MAX_MESSAGES && this.bytes < MAX_BYTES) process.nextTick(callback);
    else this.held = callback;
    super.sendMessage(message, () => this.written(size));
  }

  private written(size: number): void {
    this.messages--;
    this.bytes -= size;
    if (this.messages > MAX_MESSAGES / 2 || this.bytes > MAX_BYTES / 2) return;
    const { held } = this;
    this.held = undefined;
    held?.();
  }
}

export const writeBehind: ServerInterceptor = (_method, call) => new WriteBehind(call);
