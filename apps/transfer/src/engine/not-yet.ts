/** What a run waits for is not there yet. Its worker keeps the claim, gives the slot on, and goes on with the run later. */
export class NotYet extends Error {
  override readonly name = 'NotYet';

  constructor(
    /** ISO date. */
    readonly until: string,
    message: string,
    /** The provider, account and operation that it waits for: the run goes on earlier where there is room. */
    readonly key?: string,
  ) {
    super(message);
  }

  /** @throws NotYet while the date lies ahead */
  static check(until: string | undefined, message: string): void {
    if (until !== undefined && Date.parse(until) > Date.now()) throw new NotYet(until, message);
  }
}
