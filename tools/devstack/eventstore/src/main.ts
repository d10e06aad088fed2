import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { parseArgs } from 'node:util';
import { startEventStore } from './server';

const USAGE = 'usage: main.js --port PORT --data DIR [--host LOOPBACK_ADDRESS]';

function readArguments(): { port: number; dataDir: string; host?: string } {
  const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' }, host: { type: 'string' } } });
  const port = Number(values.port ?? '2113');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is no TCP port; ${USAGE}`);
  if (!values.data) throw new Error(`--data is missing; ${USAGE}`);
  return { port, dataDir: values.data, ...(values.host && { host: values.host }) };
}

async function main(): Promise<void> {
  // gRPC would print a second, vaguer message when it cannot listen.
  setLogVerbosity(logVerbosity.NONE);
  const server = await startEventStore(readArguments());
  const stop = (): void => {
    server.close().then(() => process.exit(0), fail);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stderr.write('Embedded event store for development and tests: loopback only, no access control.\n');
  process.stdout.write(`${server.connectionString}\n`);
}

function fail(error: unknown): void {
  process.stderr.write(`event store: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
