export interface FreshOptions {
  /** Milliseconds that an answer counts, from the moment of the question. */
  readonly forMs: number;
  /** Milliseconds after which an answer that is in use is asked for again in the background. */
  readonly renewAfterMs: number;
  readonly capacity: number;
  /** Now, in milliseconds of a clock that does not jump. */
  readonly clock?: () => number;
}

interface Entry<A> {
  readonly answer: A;
  readonly askedAt: number;
  usedAt: number;
}

/** Milliseconds without a question after which an answer is not renewed any more. */
const UNUSED_MS = 60_000;
const LOOK_MS = 1_000;
/** Answers that are renewed at one look: a bound on what this asks in the background. */
const RENEWED_AT_ONCE = 100;

/**
 * Answers of others, kept for a short while and renewed in the background while they are in use. Never older than `forMs`, counted
 * from the question, so that what was withdrawn is honoured by then; a refusal takes the answer away at once. Bounded.
 */
export class FreshAnswers<A> {
  private readonly entries = new Map<string, Entry<A>>();
  private readonly asking = new Map<string, Promise<A>>();
  private readonly clock: () => number;
  private readonly looking: NodeJS.Timeout;

  constructor(
    private readonly options: FreshOptions,
    private readonly ask: (key: string) => Promise<A>,
  ) {
    this.clock = options.clock ?? (() => performance.now());
    this.looking = setInterval(() => void this.renew(), LOOK_MS).unref();
  }

  /** Without asking; undefined where there is none that counts. */
  peek(key: string): A | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    const now = this.clock();
    entry.usedAt = now;
    return now - entry.askedAt < this.options.forMs ? entry.answer : undefined;
  }

  /** What is known, else the answer. Callers that ask the same at once share the question. */
  async get(key: string): Promise<A> {
    return this.peek(key) ?? (await this.question(key));
  }

  close(): void {
    clearInterval(this.looking);
  }

  /** Asks again for what is in use and grows old. A failure is told to whoever asks when the answer has run out. */
  async renew(): Promise<void> {
    const now = this.clock();
    const questions: Promise<A>[] = [];
    for (const [key, { askedAt, usedAt }] of this.entries) {
      if (now - usedAt >= UNUSED_MS) this.entries.delete(key);
      else if (now - askedAt >= this.options.renewAfterMs && questions.length < RENEWED_AT_ONCE && !this.asking.has(key)) questions.push(this.question(key));
    }
    await Promise.allSettled(questions);
  }

  private question(key: string): Promise<A> {
    const under = this.asking.get(key);
    if (under) return under;
    const asked = this.answer(key, this.clock()).finally(() => this.asking.delete(key));
    this.asking.set(key, asked);
    return asked;
  }

  private async answer(key: string, askedAt: number): Promise<A> {
    try {
      const answer = await this.ask(key);
      const usedAt = this.entries.get(key)?.usedAt ?? askedAt;
      this.entries.delete(key);
      if (this.entries.size >= this.options.capacity) this.entries.delete(this.entries.keys().next().value!);
      this.entries.set(key, { answer, askedAt, usedAt });
      return answer;
    } catch (error) {
      // Nobody answered: what is known counts as long as it may. A refusal counts at once.
      const { category } = error as { category?: string };
      if (category !== 'unavailable' && category !== 'timeout') this.entries.delete(key);
      throw error;
    }
  }
}
