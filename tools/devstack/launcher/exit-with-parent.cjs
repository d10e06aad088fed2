// Preloaded (`node -r`) into every process of the system: it ends when the launcher is gone, even if that was killed.
'use strict';

const GRACE_MS = 3_000;

if (process.channel) {
  process.once('disconnect', () => {
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  process.channel.unref();
}
