const { default: Sequencer } = require('@jest/test-sequencer');

/** By kind: what starts a whole system, what starts services, what stays in its process. A fresh clone knows no durations yet. */
const KINDS = [/\.(e2e|faults\.int|deadlines\.int|politeness\.int|fault-matrix\.int|stops\.int)\.spec\.ts$/, /\.(int|conformance)\.spec\.ts$/];
const rank = ({ path }) => {
  const kind = KINDS.findIndex((pattern) => pattern.test(path));
  return kind < 0 ? KINDS.length : kind;
};

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const known = super.sort([...tests]);
    return known.sort((a, b) => rank(a) - rank(b));
  }
};
