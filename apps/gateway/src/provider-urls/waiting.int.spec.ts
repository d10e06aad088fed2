import { endedSubject, ResolveRequest, SUBJECTS } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import type { Listener } from '@ferry/messaging';
import { eventually } from '@ferry/testing/specs';
import { GatewayUnderTest, type CallOptions } from '../testing/gateway-under-test';

const ASSET = '11111111-1111-5111-8111-111111111111';
const ROUTE = '22222222-2222-5222-8222-222222222222';
const TRANSFER = `${ROUTE}-1`;
const TOKEN = { stream: `transfer-${ROUTE}`, revision: 1, position: '00000000000000000042' };
const PENDING = { status: 'pending', routeId: ROUTE, transferId: TRANSFER, token: TOKEN };
const REFERENCE = { referenceId: TRANSFER, providerId: 'sora', accountId: 'sora-main', variant: 'character', forms: { id: 'char_1', idType: 'character' } };
const READY = { status: 'ready', routeId: ROUTE, reference: REFERENCE, source: 'cached', token: TOKEN };
const ENDED = { routeId: ROUTE, transferId: TRANSFER, outcome: 'completed', token: TOKEN };

let gateway: GatewayUnderTest;
let transfer: Listener | undefined;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start({ GATEWAY_MAX_WAITERS: '2' });
});
afterEach(() => {
  transfer?.close();
  gateway.asked.length = 0;
});
afterAll(() => gateway.stop());

const asked = () => gateway.requests(SUBJECTS.transfer.resolve);
const resolve = (wait: number | undefined, options: CallOptions = {}) =>
  gateway.call('PUT', `/v1/assets/${ASSET}/provider-urls/sora`, { ...options, headers: { ...(wait === undefined ? {} : { prefer: `wait=${wait}` }), ...options.headers } });

/** The transfer service, with answers that a spec may change. */
const answering = async (first: object) => {
  const state = { answer: first as object | FerryError };
  transfer = await gateway.answer(SUBJECTS.transfer.resolve, ResolveRequest, () => {
    if (state.answer instanceof FerryError) throw state.answer;
    return state.answer;
  });
  return state;
};

const notice = async () => {
  gateway.services.publish(endedSubject(ROUTE), ENDED);
  await gateway.services.flush();
};

const expectPending = async (response: Response) => {
  expect(response.status).toBe(202);
  expect(response.headers.get('location')).toBe(`/v1/transfers/${TRANSFER}`);
  expect(await response.json()).toEqual(PENDING);
};

describe('without waiting', () => {
  it('answers a reference that is there', async () => {
    await answering(READY);
    const response = await resolve(undefined, { body: { use: 'character', minRemainingTtl: 60 }, headers: { 'idempotency-key': 'mine' } });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(READY);
    const expected = { owner: 'alice', actor: 'alice-laptop', assetId: ASSET, providerId: 'sora', use: 'character', minRemainingTtl: 60, commandId: 'mine' };
    expect(asked()).toEqual([expected]);
  });

  it('answers pending at once, and asks once', async () => {
    await answering(PENDING);
    await expectPending(await resolve(undefined));
    expect(asked()).toHaveLength(1);
  });

  it('passes a refusal on, with its details', async () => {
    const violations = [{ limit: 'kind', message: 'Sora takes no audio.' }];
    await answering(new FerryError('TARGET_LIMITS', 'unprocessable', 'sora cannot take this file.', { violations }));
    const response = await resolve(30);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'TARGET_LIMITS', details: { violations } });
  });

  it.each(['61', '-1', 'long'])('refuses wait=%s', async (wait) => {
    const response = await gateway.call('PUT', `/v1/assets/${ASSET}/provider-urls/sora`, { headers: { prefer: `wait=${wait}` } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('waiting', () => {
  it('asks again at once, wakes with the notice, and names the run that it waits for', async () => {
    const state = await answering(PENDING);
    const waiting = resolve(30);
    await eventually(() => expect(asked()).toHaveLength(2));
    state.answer = READY;
    const started = performance.now();
    await notice();
    const response = await waiting;
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(response.status).toBe(200);
    expect(response.headers.get('preference-applied')).toBe('wait=30');
    expect(await response.json()).toEqual(READY);
    const [first, ...again] = asked();
    expect(first).not.toHaveProperty('awaiting');
    expect(again.map(({ awaiting }) => awaiting)).toEqual([TRANSFER, TRANSFER]);
  });

  it('asks once for all who wait for the same run, when its notice comes', async () => {
    const state = await answering(PENDING);
    const first = resolve(30);
    await eventually(() => expect(asked()).toHaveLength(2));
    const second = resolve(30);
    await eventually(() => expect(asked()).toHaveLength(4));
    state.answer = READY;
    await notice();
    expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([200, 200]);
    expect(asked()).toHaveLength(5);
  });

  it('misses no run that ends between the first answer and the subscription', async () => {
    let calls = 0;
    transfer = await gateway.answer(SUBJECTS.transfer.resolve, ResolveRequest, () => ((calls += 1) === 1 ? PENDING : READY));
    const started = performance.now();
    expect((await resolve(30)).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('covers a lost notice by asking again', async () => {
    const state = await answering(PENDING);
    const waiting = resolve(20);
    await eventually(() => expect(asked()).toHaveLength(2));
    state.answer = READY;
    expect((await waiting).status).toBe(200);
    expect(asked()).toHaveLength(3);
  });

  it("answers the run's failure", async () => {
    const state = await answering(PENDING);
    const waiting = resolve(30);
    await eventually(() => expect(asked()).toHaveLength(2));
    state.answer = new FerryError('TRANSFER_FAILED', 'upstream', 'The transfer failed (not-found).', { kind: 'not-found' });
    await notice();
    const response = await waiting;
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ code: 'TRANSFER_FAILED', details: { kind: 'not-found' } });
  });

  it('answers 202 when the wait is over', async () => {
    await answering(PENDING);
    await expectPending(await resolve(1));
  });

  it('goes on while the transfer service is away, and hears it when it is back', async () => {
    await answering(PENDING);
    const waiting = resolve(20);
    await eventually(() => expect(asked()).toHaveLength(2));
    transfer!.close();
    await notice();
    await answering(READY);
    expect((await waiting).status).toBe(200);
  });

  it('answers 202 when the transfer service stays away', async () => {
    await answering(PENDING);
    const waiting = resolve(1);
    await eventually(() => expect(asked()).toHaveLength(2));
    transfer!.close();
    await notice();
    await expectPending(await waiting);
  });

  it('stops when the client goes, and frees its place; more than the bound are refused', async () => {
    await answering(PENDING);
    const clients = [new AbortController(), new AbortController()];
    const waiting = clients.map(({ signal }) => expect(resolve(60, { signal })).rejects.toThrow('aborted'));
    await eventually(() => expect(asked()).toHaveLength(4));
    const refused = await resolve(60);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'TOO_MANY_WAITERS' });
    expect(asked()).toHaveLength(4);
    clients.forEach((client) => client.abort());
    await Promise.all(waiting);
    await eventually(async () => expect((await resolve(1)).status).toBe(202));
  });
});
