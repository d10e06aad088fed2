// Written for any Node that ever was: a newer syntax here would hide the message behind a SyntaxError.
'use strict';

var REQUIRED_MAJOR = 24;

/** What is wrong with this Node version and what to do about it; undefined where it is new enough. */
function nodeProblem(version) {
  if (parseInt(version.replace(/^v/, ''), 10) >= REQUIRED_MAJOR) return undefined;
  return (
    'Ferry needs Node ' + REQUIRED_MAJOR + ' or newer; this is ' + version + '. ' +
    'Install it (`nvm install`, or https://nodejs.org), or run `npm ci`, which brings its own Node on Linux, and use `npm start`.'
  );
}

module.exports = { nodeProblem: nodeProblem };

if (require.main === module) {
  var problem = nodeProblem(process.version);
  if (problem) {
    console.error(problem);
    process.exit(1);
  }
}
