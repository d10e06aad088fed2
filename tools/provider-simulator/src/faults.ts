/** What a call does instead of, or besides, what it should. */
export interface Fault {
  readonly provider: string;
  /** Name of the route, e.g. `media-upload`, `video-content`. */
  readonly operation: string;
  /** The calls that meet it are counted under this name. */
  readonly name?: string;
  /** Only calls with this in their path. */
  readonly path?: string;
  /** Only calls with this API key. */
  readonly key?: string;
  /** How many calls it is for; absent: every call until the faults are cleared. */
  readonly times?: number;
  /** Waits this long: before anything else, or, where a body comes with the call, once it has all of that. */
  readonly latencyMs?: number;
  /** Reads all of the call's body before it answers as it is told here. */
  readonly afterBody?: boolean;
  /** Accepts an upload and waits this long before it says so. */
  readonly answerLatencyMs?: number;
  /** Reads an upload, or sends a download, at most this fast. */
  readonly bytesPerSecond?: number;
  /** Answers this HTTP status with the vendor's error body. */
  readonly status?: number;
  /** Vendor's error code in that body (PixVerse: sent with HTTP 200 unless `status` is given too). */
  readonly code?: number | string;
  /** `Retry-After` of that answer, in seconds or as an HTTP date. */
  readonly retryAfter?: string;
  /** Announces the whole body and breaks the connection off after this many bytes. */
  readonly truncateAt?: number;
  /** Sends the body without a Content-Length. */
  readonly unknownLength?: boolean;
  /** Announces so many bytes, fewer than there are, and sends them all. */
  readonly announce?: number;
  /** Sends so many bytes and then nothing more. */
  readonly stallAt?: number;
  /** Resets the connection after so many bytes: of the file that is sent, or of the call's body where one comes with it. */
  readonly resetAt?: number;
  /** Resets the connection instead of an answer. */
  readonly reset?: boolean;
  /** Does all that was asked for, and resets the connection instead of saying so. */
  readonly loseAnswer?: boolean;
  /** Sends the file packed, and says so. */
  readonly gzip?: boolean;
  /** Answers 206 with the first half of the file. */
  readonly partial?: boolean;
  /** Sends a header of so many bytes. */
  readonly headerBytes?: number;
  /** Answers 200 with a body that never ends. */
  readonly endless?: boolean;
  /** Content-Type of what is sent, whatever it is. */
  readonly contentType?: string;
  /** Answers with an HTML page, 200 unless `status` is given too. */
  readonly html?: boolean;
  /** Answers with this text as JSON, 200 unless `status` is given too. */
  readonly rawBody?: string;
  /** Answers 302, or `status`, to this address. */
  readonly redirectTo?: string;
  /** Names this address as the video's `url`, as PixVerse does with `…/media/default.mp4`. */
  readonly resultUrl?: string;
  /** Ends what is uploaded after so many seconds, whatever was asked for (OpenAI files). */
  readonly livesSeconds?: number;
  /** Reports this status of a job. */
  readonly jobStatus?: number | string;
}

const NUMBERS = ['times', 'latencyMs', 'answerLatencyMs', 'livesSeconds', 'bytesPerSecond', 'status', 'truncateAt', 'announce', 'stallAt', 'resetAt', 'headerBytes'] as const;
const FLAGS = ['afterBody', 'unknownLength', 'reset', 'loseAnswer', 'gzip', 'partial', 'endless', 'html'] as const;
const TEXTS = ['name', 'path', 'key', 'retryAfter', 'contentType', 'rawBody', 'redirectTo', 'resultUrl'] as const;
const KNOWN = new Set<string>(['provider', 'operation', 'code', 'jobStatus', ...NUMBERS, ...FLAGS, ...TEXTS]);

/** @throws Error that names the member that is wrong */
export const parseFault = (value: Record<string, unknown>, operations: ReadonlySet<string>): Fault => {
  const unknown = Object.keys(value).find((key) => !KNOWN.has(key));
  if (unknown) throw new Error(`A fault has no member "${unknown}". Known: ${[...KNOWN].join(', ')}.`);
  if (!operations.has(`${String(value.provider)}/${String(value.operation)}`)) {
    throw new Error(`No such provider and operation. Known: ${[...operations].join(', ')}.`);
  }
  for (const name of NUMBERS) {
    const number = value[name];
    if (number !== undefined && !(Number.isInteger(number) && (number as number) >= 0)) throw new Error(`"${name}" must be a whole number.`);
  }
  for (const name of FLAGS) if (value[name] !== undefined && typeof value[name] !== 'boolean') throw new Error(`"${name}" must be true or false.`);
  for (const name of TEXTS) if (value[name] !== undefined && typeof value[name] !== 'string') throw new Error(`"${name}" must be a text.`);
  return value as unknown as Fault;
};

/** A call as far as it decides which fault is for it. */
export interface FaultyCall {
  readonly provider: string;
  readonly operation: string;
  readonly path: string;
  readonly key: string;
}

const isFor = (fault: Fault, { provider, operation, path, key }: FaultyCall): boolean =>
  fault.provider === provider &&
  fault.operation === operation &&
  (fault.path === undefined || path.includes(fault.path)) &&
  (fault.key === undefined || fault.key === key);

/** The newest fault of a call wins; one that was used up makes room for the one before. */
export class Faults {
  private readonly faults: { readonly fault: Fault; left: number }[] = [];
  private readonly met = new Map<string, number>();

  add(fault: Fault): void {
    this.faults.unshift({ fault, left: fault.times ?? Infinity });
  }

  take(call: FaultyCall): Fault | undefined {
    const index = this.faults.findIndex(({ fault }) => isFor(fault, call));
    const found = this.faults[index];
    if (!found) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.faults.splice(index, 1);
    const { name } = found.fault;
    if (name !== undefined) this.met.set(name, (this.met.get(name) ?? 0) + 1);
    return found.fault;
  }

  list(): Fault[] {
    return this.faults.map(({ fault }) => fault);
  }

  /** How many calls met each fault that has a name, also those that are used up. */
  calls(): Record<string, number> {
    return Object.fromEntries(this.met);
  }

  clear(): void {
    this.faults.length = 0;
    this.met.clear();
  }
}
