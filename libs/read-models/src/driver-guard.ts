import { createRequire } from 'node:module';
import type { EventEmitter } from 'node:events';

interface WriteOptions {
  readonly signal?: AbortSignal;
}

/** What a command's way to the socket looks like inside the driver. */
interface DriverConnection extends EventEmitter {
  /** Why it was closed. */
  readonly error: Error | null;
  writeCommand(this: DriverConnection, command: unknown, options: WriteOptions): Promise<void>;
}

/**
 * mongodb 7.9.0: a command whose socket takes nothing at once waits for `drain`, which does not come where the socket was
 * destroyed (its write says false as well, and its time-out is off). Such a command never ends: an operation waits without end, a
 * check of the server too, so that the server is never found again. With this the end of the connection ends the wait.
 */
export const endWritesWithTheirConnection = (): void => {
  const { prototype } = (createRequire(__filename)('mongodb/lib/cmap/connection') as { Connection: { prototype: DriverConnection } }).Connection;
  const { writeCommand } = prototype;
  prototype.writeCommand = async function (command, options) {
    const ended = new AbortController();
    const end = (): void => ended.abort(this.error);
    this.once('close', end);
    try {
      const signal = options.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal;
      await writeCommand.call(this, command, { ...options, signal });
    } finally {
      this.off('close', end);
    }
  };
};
