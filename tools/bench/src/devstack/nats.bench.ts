import { connect, type NatsConnection } from 'nats';
import { compare, type Row } from '../compare';
import type { Print } from '../main';
import { inFlight, perSecond } from '../measure';
import { realNats, startEmbedded } from '../server-under-test';

const SUBJECT = 'bench.echo';
const PAYLOAD_BYTES = 256;
const TIMEOUT_MS = 10_000;

interface Target {
  readonly responder: NatsConnection;
  readonly requester: NatsConnection;
}

async function prepare(url: string): Promise<Target> {
  const [responder, requester] = await Promise.all([connect({ servers: url }), connect({ servers: url })]);
  responder.subscribe(SUBJECT, {
    callback: (error, message) => {
      if (error) throw error;
      message.respond(message.data);
    },
  });
  await responder.flush();
  return { responder, requester };
}

const requests = (width: number, count: number): Row<Target> => ({
  name: `request and reply, ${width} in flight`,
  unit: '1/s',
  published: '',
  measure: ({ requester }) => {
    const payload = new Uint8Array(PAYLOAD_BYTES);
    return perSecond(count, () => inFlight(width, count, () => requester.request(SUBJECT, payload, { timeout: TIMEOUT_MS })));
  },
});

/** Requests of 256 bytes, echoed by another connection. */
export async function run(print: Print): Promise<void> {
  const embedded = await startEmbedded('nats');
  const real = await realNats();
  const contenders: { name: string; target: Target }[] = [];
  try {
    contenders.push({ name: 'embedded', target: await prepare(embedded.url) });
    if (real) contenders.push({ name: 'nats-server', target: await prepare(real.url) });
    print('\nNATS: 256-byte requests between two connections');
    await compare(print, contenders, [requests(1, 5_000), requests(64, 50_000)], '');
  } finally {
    for (const { target } of contenders) await Promise.all([target.responder.close(), target.requester.close()]);
    await Promise.all([embedded.stop(), real?.stop()]);
  }
}
