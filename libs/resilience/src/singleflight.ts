/** Calls with the same key that come while one is under way share its result. */
export const singleflight = <V>(): ((key: string, work: () => Promise<V>) => Promise<V>) => {
  const flights = new Map<string, Promise<V>>();
  return (key, work) => {
    const known = flights.get(key);
    if (known) return known;
    const flight = work().finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
};

/** Work with the same key runs one after the other, in the order of the calls. */
export const serially = (): (<V>(key: string, work: () => Promise<V>) => Promise<V>) => {
  const tails = new Map<string, Promise<unknown>>();
  return <V>(key: string, work: () => Promise<V>): Promise<V> => {
    const before = tails.get(key);
    const run = before ? before.then(work, work) : work();
    tails.set(key, run);
    const forget = () => {
      if (tails.get(key) === run) tails.delete(key);
    };
    run.then(forget, forget);
    return run;
  };
};
