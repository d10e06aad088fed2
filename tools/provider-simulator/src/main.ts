import { parseArgs } from 'node:util';
import { startSimulator } from './simulator';

const USAGE = 'Usage: provider-simulator --data <folder> [--port <0..65535>] [--host 127.0.0.1]';

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

const OPTIONS = {
  port: { type: 'string', default: '0' },
  data: { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
} as const;

const readOptions = () => {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    const port = Number(values.port);
    if (!values.data || !Number.isInteger(port) || port < 0 || port > 65535) return fail(USAGE);
    return { port, dataDir: values.data, host: values.host };
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
};

const main = async () => {
  const options = readOptions();
  const simulator = await startSimulator(options);
  process.stdout.write(`ready provider-simulator pixverse=${simulator.pixverseUrl} openai=${simulator.openaiUrl} control=${simulator.controlUrl}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void simulator.close().then(() => process.exit(0)));
};

const PORT_TAKEN = 'The port of the provider simulator is taken. Give another one with --port, or 0 for any.';

main().catch((error: NodeJS.ErrnoException) => fail(error.code === 'EADDRINUSE' ? PORT_TAKEN : (error.stack ?? String(error))));
