import { parseArgs } from 'node:util';
import { startMongo } from './server';

const DEFAULT_PORT = '27017';
const MAX_PORT = 65_535;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: DEFAULT_PORT }, data: { type: 'string' }, host: { type: 'string', default: '127.0.0.1' } },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) throw new Error(`--port must be a number from 0 to ${MAX_PORT}, not ${values.port}`);
  if (!values.data) throw new Error('--data DIR is required: the folder that keeps the data');
  const server = await startMongo({ port, dataDir: values.data, host: values.host });
  process.stderr.write('Embedded MongoDB-compatible development server: loopback only, no access control, not for production.\n');
  process.stdout.write(`${server.connectionString}\n`);
  const stop = (): void => {
    server.close().then(() => process.exit(0), fail);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function fail(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${code === 'EADDRINUSE' ? `The port is taken (${reason}): stop what uses it, or choose another with --port` : reason}\n`);
  process.exit(1);
}

main().catch(fail);
