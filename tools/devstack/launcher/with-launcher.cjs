// Runs a program that knows nothing of the launcher, such as a real nats-server, and ends it when the launcher is gone.
// Usage: node -r exit-with-parent.cjs with-launcher.cjs <program> [arguments]
'use strict';

const { spawn } = require('node:child_process');

const [program, ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
child.once('error', (error) => {
  process.stderr.write(`${program}: ${error.message}\n`);
  process.exit(1);
});
child.once('exit', (code) => process.exit(code ?? 1));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
// exit-with-parent kills this process hard when the program takes too long: the program must not survive that.
process.once('disconnect', () => setTimeout(() => child.kill('SIGKILL'), 2_500));
