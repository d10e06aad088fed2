import { parseArgs } from 'node:util';
import { startNats } from './server';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '4222' }, data: { type: 'string' } } });
  const port = Number(values.port.trim() || NaN);
  if (!Number.isInteger(port)) throw new Error(`the port must be a whole number from 0 to 65535, not "${values.port}"`);
  const server = await startNats({ port });
  process.stderr.write('NATS core: embedded development server, loopback only, no access control, no JetStream\n');
  if (values.data !== undefined) process.stderr.write(`Nothing is stored: --data ${values.data} is not used\n`);
  process.stdout.write(`${server.connectionString}\n`);
  await new Promise<void>((stopped, failed) => {
    const stop = () => {
      server.close().then(stopped, failed);
    };
    process.once('SIGTERM', stop).once('SIGINT', stop);
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`NATS did not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
