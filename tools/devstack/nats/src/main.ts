import { parseArgs } from 'node:util';
import { startNats } from './server';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '4222' } } });
  const server = await startNats({ port: values.port.trim() === '' ? NaN : Number(values.port) });
  process.stdout.write('NATS core: embedded development server, loopback only, no JetStream, nothing is stored\n');
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
