interface Turn<V> {
  readonly result: Promise<V>;
  begun: boolean;
}

/**
 * Reads that many ask for at once, done for all together, and for none of them before it asked: who comes while one is under way shares the
 * next. So a crowd costs two reads at a time, and nobody is told what was so before the question.
 */
export const laterReads = <V>(): ((key: string, read: () => Promise<V>) => Promise<V>) => {
  const last = new Map<string, Turn<V>>();
  return (key, read) => {
    const known = last.get(key);
    if (known && !known.begun) return known.result;
    const turn = { begun: false } as { begun: boolean; result: Promise<V> };
    const begin = (): Promise<V> => {
      turn.begun = true;
      return read();
    };
    turn.result = (known ? known.result.then(begin, begin) : begin()).finally(() => {
      if (last.get(key) === turn) last.delete(key);
    });
    last.set(key, turn);
    return turn.result;
  };
};
