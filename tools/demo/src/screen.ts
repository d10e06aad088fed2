const SPIN_EVERY_MS = 80;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** What the demo prints. Colours and a spinner only where a person's terminal is at the other end. */
export class Screen {
  private chapters = 0;

  constructor(private readonly out: NodeJS.WriteStream) {}

  title(text: string): void {
    this.line(`\n${this.bold(text)}`);
  }

  chapter(text: string): void {
    this.chapters += 1;
    this.line(`\n${this.bold(`${this.chapters}. ${text}`)}`);
  }

  text(text: string): void {
    this.line(`   ${text}`);
  }

  fact(name: string, value: string): void {
    this.line(`   ${this.dim(name.padEnd(12))} ${value}`);
  }

  check(held: boolean, what: string): void {
    this.line(`   ${held ? this.green('✓') : this.red('✗')} ${what}`);
  }

  line(text: string): void {
    this.out.write(`${text}\n`);
  }

  /** Shows that something goes on, until it ends. */
  async during<T>(what: string, work: Promise<T>): Promise<T> {
    if (!this.out.isTTY) return work;
    const started = performance.now();
    const draw = () => {
      const elapsed = performance.now() - started;
      const frame = FRAMES[Math.floor(elapsed / SPIN_EVERY_MS) % FRAMES.length]!;
      this.out.write(`\r\x1b[2K   ${frame} ${what} ${this.dim(seconds(elapsed))}`);
    };
    const timer = setInterval(draw, SPIN_EVERY_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      this.out.write('\r\x1b[2K');
    }
  }

  private readonly bold = (text: string) => this.styled(1, text);
  private readonly dim = (text: string) => this.styled(2, text);
  private readonly red = (text: string) => this.styled(31, text);
  private readonly green = (text: string) => this.styled(32, text);

  private styled(code: number, text: string): string {
    return this.out.isTTY ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(milliseconds < 1_000 ? 2 : 1)} s`;
export const bytes = (count: number): string => `${count.toLocaleString('en')} bytes`;
