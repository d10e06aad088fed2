import { nodeProblem } from '../check-node.cjs';

describe('the check of the Node version', () => {
  it.each(['v24.0.0', 'v25.1.0', 'v100.0.0'])('is content with %s', (version) => {
    expect(nodeProblem(version)).toBeUndefined();
  });

  it.each(['v0.10.48', 'v20.20.2', 'v23.11.1'])('says what to do with %s', (version) => {
    expect(nodeProblem(version)).toContain(`Ferry needs Node 24 or newer; this is ${version}. Install it`);
  });
});
