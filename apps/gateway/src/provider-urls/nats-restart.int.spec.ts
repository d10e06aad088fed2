import { ResolveRequest, SUBJECTS } from '@ferry/contracts';
import { itWithOwn } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import { GatewayUnderTest } from '../testing/gateway-under-test';

const ASSET = '11111111-1111-5111-8111-111111111111';
const ROUTE = '22222222-2222-5222-8222-222222222222';
const TOKEN = { stream: `transfer-${ROUTE}`, revision: 1, position: '00000000000000000042' };
const PENDING = { status: 'pending', routeId: ROUTE, transferId: `${ROUTE}-1`, token: TOKEN };
const READY = { status: 'ready', routeId: ROUTE, reference: { referenceId: `${ROUTE}-1` }, source: 'cached', token: TOKEN };

itWithOwn('NATS_URL', 'says that NATS is away, and a waiter that missed its notice meanwhile gets its reference when it is back', async () => {
  const gateway = await GatewayUnderTest.start();
  let answer: object = PENDING;
  await gateway.answer(SUBJECTS.transfer.resolve, ResolveRequest, () => answer);
  const ready = () => gateway.call('GET', '/readyz', { key: '' });
  const waiting = gateway.call('PUT', `/v1/assets/${ASSET}/provider-urls/sora`, { headers: { prefer: 'wait=30' } });
  await eventually(() => expect(gateway.requests(SUBJECTS.transfer.resolve)).toHaveLength(2));
  await gateway.stopNats();
  await eventually(async () => {
    const response = await ready();
    expect([response.status, await response.json()]).toEqual([503, { service: 'gateway', ok: false, checks: { nats: 'NATS is not connected; reconnecting' } }]);
  });
  answer = READY;
  await gateway.restartNats();
  const response = await waiting;
  expect([response.status, await response.json()]).toEqual([200, READY]);
  await eventually(async () => expect((await ready()).status).toBe(200));
  await gateway.stop();
});
