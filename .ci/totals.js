// The real totals of the test run, and of the other steps that failed; exits 0 only where nothing failed.
const { existsSync, readFileSync } = require('node:fs');

const [file, failedSteps] = [process.argv[2], Number(process.argv[3])];
if (!existsSync(file)) {
  console.log(`the tests left no results\n0 passed, ${Math.max(1, failedSteps)} failed`);
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(file, 'utf8'));
const failedTests = numFailedTests + numRuntimeErrorTestSuites;
const failed = Math.max(failedTests, failedSteps);
const skipped = numPendingTests ? `, ${numPendingTests} skipped` : '';
if (failedSteps && !failedTests) console.log('all tests passed, but another step failed: see above');
console.log(`${numPassedTests} passed, ${failed} failed${skipped}`);
process.exit(failed || !numPassedTests ? 1 : 0);
