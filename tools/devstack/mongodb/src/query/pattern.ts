import { createContext, Script } from 'node:vm';
import type { Deadline } from '../deadline';
import { MongoError } from '../errors';
import type { Translated } from './pcre';

/** How long one match may take, in milliseconds; MongoDB counts steps in place of time. */
const MAX_MATCH_MS = 5_000;
/** Steps that nobody has to stop: some tens of milliseconds. */
const FEW_STEPS = 10_000_000;

const context: { expression?: RegExp; text?: string } = createContext({});
const script = new Script('expression.exec(text)');

/** An expression whose matches all end. What could take long runs where it can be stopped, which costs some 0.1 ms. */
export class Pattern {
  private readonly expression: RegExp;
  private readonly choices: number;
  private readonly growth: number;

  /** Throws a SyntaxError when it is no expression. */
  constructor({ source, choices, growth }: Translated, flags: string) {
    this.expression = new RegExp(source, `${flags}g`);
    this.choices = choices;
    this.growth = growth;
  }

  /** The first match. Throws MaxTimeMSExpired (50), or 51156 when the match alone takes too long. */
  exec(text: string, deadline: Deadline | undefined): RegExpExecArray | null {
    return this.execFrom(text, 0, deadline);
  }

  /** All matches, one behind the other. Throws as `exec` does. */
  *matchAll(text: string, deadline: Deadline | undefined): Generator<RegExpExecArray> {
    let found = this.execFrom(text, 0, deadline);
    while (found) {
      yield found;
      const end = found.index + found[0].length;
      found = this.execFrom(text, found[0] === '' ? end + 1 : end, deadline);
    }
  }

  private execFrom(text: string, from: number, deadline: Deadline | undefined): RegExpExecArray | null {
    this.expression.lastIndex = from;
    const steps = (text.length + this.choices + 2) ** this.growth;
    return steps <= FEW_STEPS ? this.expression.exec(text) : stoppable(this.expression, text, deadline);
  }
}

function stoppable(expression: RegExp, text: string, deadline: Deadline | undefined): RegExpExecArray | null {
  deadline?.check();
  const timeout = Math.ceil(Math.min(MAX_MATCH_MS, Math.max(deadline?.remaining() ?? MAX_MATCH_MS, 1)));
  context.expression = expression;
  context.text = text;
  try {
    return script.runInContext(context, { timeout }) as RegExpExecArray | null;
  } catch (error) {
    if (!isTimeout(error)) throw error;
    if (timeout < MAX_MATCH_MS) throw new MongoError(50, 'operation exceeded time limit');
    throw new MongoError(51156, `Error occurred while executing the regular expression: one match took more than ${MAX_MATCH_MS} ms`);
  } finally {
    context.expression = undefined;
    context.text = undefined;
  }
}

const isTimeout = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
