import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { parseArgs } from 'node:util';
import { startEventStore, type EndPoint, type EventStoreOptions } from './server';

const USAGE = 'usage: main.js --port PORT --data DIR [--host LOOPBACK_ADDRESS] [--advertise HOST:PORT]';

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 65_535;

function readEndPoint(text: string): EndPoint {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (!host || !isPort(Number(port))) throw new Error(`--advertise ${text} is not HOST:PORT; ${USAGE}`);
  return { host, port: Number(port) };
}

function readArguments(): EventStoreOptions {
  const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' }, host: { type: 'string' }, advertise: { type: 'string' } } });
  const port = Number(values.port ?? '2113');
  if (port !== 0 && !isPort(port)) throw new Error(`--port ${values.port} is no TCP port; ${USAGE}`);
  if (!values.data) throw new Error(`--data is missing; ${USAGE}`);
  return { port, dataDir: values.data, ...(values.host && { host: values.host }), ...(values.advertise && { advertise: readEndPoint(values.advertise) }) };
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
