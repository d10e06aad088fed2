/** Wakes one waiter. A ring that nobody waits for is kept, so that none is lost between two waits. */
export class Bell {
  private rung = false;
  private wake?: () => void;

  readonly ring = (): void => {
    this.rung = true;
    this.wake?.();
  };

  /** Until it rings, `ms` are over or the signal is aborted. */
  async heard(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.rung && !signal.aborted && ms > 0) await this.wait(ms, signal);
    this.rung = false;
  }

  private wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
      this.wake = done;
    });
  }
}
