const DRAW_EVERY_MS = 500;
const CLEAR = '\r\x1b[2K';

/** Lines on the way out, and on a terminal below them what goes on now and for how long. */
export class Progress {
  private status = '';

  constructor(private readonly out: NodeJS.WriteStream) {}

  print(line: string): void {
    this.out.write(this.out.isTTY ? `${CLEAR}${line}\n${this.status}` : `${line}\n`);
  }

  async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (!this.out.isTTY) return work();
    const started = performance.now();
    const draw = (): void => {
      this.status = `${what} … ${Math.round((performance.now() - started) / 1000)} s`;
      this.out.write(`${CLEAR}${this.status}`);
    };
    const timer = setInterval(draw, DRAW_EVERY_MS);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      this.status = '';
      this.out.write(CLEAR);
    }
  }
}
