import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { planStop, STEP_BOUNDARIES, stepBoundary, type StepBoundary } from './step-boundaries';

const [FIRST, SECOND] = STEP_BOUNDARIES.transfer;
const REGISTER = join(__dirname, '../../../tools/build/register.js');

/** A process that passes the boundaries, says so each time, and ends with 7. */
const passing = (FERRY_STOP_AT: string, names: readonly StepBoundary[]) => {
  const file = JSON.stringify(join(__dirname, 'step-boundaries.ts'));
  const program = `const { planStop, stepBoundary } = require(${file}); planStop(process.env);
    for (const name of ${JSON.stringify(names)}) { stepBoundary(name); require('fs').writeSync(1, 'passed '); } process.exit(7);`;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-r', REGISTER, '-e', program], { env: { ...process.env, FERRY_STOP_AT }, encoding: 'utf8' });
  return { status, signal, stdout, stderr };
};

describe('a step boundary', () => {
  it('has a name of its own, of which there are many', () => {
    const names = Object.values(STEP_BOUNDARIES).flat();
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(30);
  });

  it('does nothing where nothing is planned', () => {
    planStop({});
    planStop({ FERRY_STOP_AT: '', NODE_ENV: 'production' });
    stepBoundary(FIRST);
  });

  it('kills its process at the planned pass', () => {
    expect(passing(FIRST, [SECOND, FIRST, SECOND])).toMatchObject({ signal: 'SIGKILL', stdout: 'passed ', stderr: `FERRY_STOP_AT: SIGKILL at ${FIRST}\n` });
    expect(passing(`${FIRST}:kill:3`, [FIRST, FIRST, SECOND, FIRST])).toMatchObject({ signal: 'SIGKILL', stdout: 'passed passed passed ' });
    expect(passing(`${FIRST}:kill:2`, [FIRST])).toMatchObject({ status: 7, stdout: 'passed ' });
  });

  it.each(['nowhere', `${FIRST}:stop`, `${FIRST}:kill:0`, `${FIRST}:0`, `${FIRST}:kill:1:2`, FIRST.toUpperCase()])('refuses %s and says what there is', (FERRY_STOP_AT) => {
    expect(() => planStop({ FERRY_STOP_AT })).toThrow(`FERRY_STOP_AT: "${FERRY_STOP_AT}" is not {name}[:kill|freeze][:n] with a name of these: ${FIRST}, `);
  });

  it('refuses production', () => {
    expect(() => planStop({ FERRY_STOP_AT: FIRST, NODE_ENV: 'production' })).toThrow('it is for tests alone');
  });
});
