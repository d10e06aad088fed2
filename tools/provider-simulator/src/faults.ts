/** What a call does instead of, or besides, what it should. */
export interface Fault {
  readonly provider: string;
  /** Name of the route, e.g. `media-upload`, `video-content`. */
  readonly operation: string;
  /** How many calls it is for; absent: every call until the faults are cleared. */
  readonly times?: number;
  /** Waits this long: before anything else, or, where a body comes with the call, once it has all of that. */
  readonly latencyMs?: number;
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
  /** Answers 200 with an HTML page. */
  readonly html?: boolean;
  /** Answers 200 with this text as JSON. */
  readonly rawBody?: string;
  /** Answers 302 to this address. */
  readonly redirectTo?: string;
  /** Names this address as the video's `url`, as PixVerse does with `…/media/default.mp4`. */
  readonly resultUrl?: string;
  /** Reports this status of a job. */
  readonly jobStatus?: number | string;
}

const NUMBERS = ['times', 'latencyMs', 'bytesPerSecond', 'status', 'truncateAt'] as const;
const KNOWN = new Set([
  'provider',
  'operation',
  'code',
  'retryAfter',
  'unknownLength',
  'html',
  'rawBody',
  'redirectTo',
  'resultUrl',
  'jobStatus',
  ...NUMBERS,
]);

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
  return value as unknown as Fault;
};

/** The newest fault of an operation wins; one that was used up makes room for the one before. */
export class Faults {
  private readonly faults: { readonly fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.faults.unshift({ fault, left: fault.times ?? Infinity });
  }

  take(provider: string, operation: string): Fault | undefined {
    const index = this.faults.findIndex(({ fault }) => fault.provider === provider && fault.operation === operation);
    const found = this.faults[index];
    if (!found) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.faults.splice(index, 1);
    return found.fault;
  }

  list(): Fault[] {
    return this.faults.map(({ fault }) => fault);
  }

  clear(): void {
    this.faults.length = 0;
  }
}
