// Exits 0 when the service of this container answers /healthz: the gateway on GATEWAY_PORT, every other one on HTTP_PORT.
const ports = [process.env.HTTP_PORT, process.env.GATEWAY_PORT ?? '4000'];

async function ask(port) {
  const { ok, status } = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2_000) });
  if (!ok) throw new Error(`port ${port} answered ${status}`);
}

Promise.any(ports.filter(Boolean).map(ask)).then(
  () => process.exit(0),
  ({ errors }) => {
    process.stderr.write(`${errors.join('; ')}\n`);
    process.exit(1);
  },
);
