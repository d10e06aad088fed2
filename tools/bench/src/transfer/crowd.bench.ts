import { transferStream, type TransferEvent } from '@ferry/domain/transfer';
import { ReferenceWaiter } from '../../../../apps/gateway/src/provider-urls/reference-waiter';
import { Services } from '../../../../apps/gateway/src/services';
import type { Figure, Print } from '../main';
import { median, printFigures } from '../measure';
import { command, Stack } from './stack';

const CROWD = 1_000;
const REPLICAS = 3;
const ROUNDS = 5;
const WAIT_MS = 60_000;
const LATEST_MS = 250;
/** Slow enough for all of them to wait. */
const BYTES_PER_SECOND = 1_000_000;
const CACHE_BYTES = 1024 ** 3;

/** Milliseconds from the end of the run, as its stream has it, until the last caller of a crowd has the reference. */
async function lastAnswer(stack: Stack, waiter: ReferenceWaiter): Promise<number> {
  const assetId = await stack.register(await stack.seed(1_000));
  const answers = await Promise.all(
    Array.from({ length: CROWD }, async () => {
      const answer = await waiter.resolve({ ...command(), assetId, providerId: 'sora' }, WAIT_MS, new AbortController().signal);
      return { answer, at: Date.now() };
    }),
  );
  const references = new Set(answers.map(({ answer }) => (answer.status === 'ready' ? answer.reference.referenceId : answer.status)));
  if (references.size !== 1) throw new Error(`the crowd was told ${[...references].join(', ')}`);
  const events = await stack.store.read(transferStream(answers[0]!.answer.routeId));
  const end = events.find(({ type }) => type === ('TransferCompleted' satisfies TransferEvent['type']));
  return Math.max(...answers.map(({ at }) => at)) - Date.parse(end!.created);
}

/** A crowd that asks one gateway for the same cold route, with several transfer services behind it. */
export async function run(print: Print): Promise<Figure[]> {
  const stack = await Stack.start(CACHE_BYTES, REPLICAS);
  const config = { GATEWAY_MAX_WAITERS: CROWD } as ConstructorParameters<typeof ReferenceWaiter>[1];
  const waiter = new ReferenceWaiter(new Services(stack.messaging), config, stack.messaging);
  try {
    await lastAnswer(stack, waiter);
    await stack.limit(BYTES_PER_SECOND);
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await lastAnswer(stack, waiter));
    const goal = { goal: `<= ${LATEST_MS}`, pass: median(rounds) <= LATEST_MS };
    const rows: Figure[] = [
      { name: `last of ${CROWD} callers after the end of their run, ${REPLICAS} replicas, median of ${ROUNDS}`, value: median(rounds), unit: 'ms', ...goal },
      { name: 'the same, worst', value: Math.max(...rounds), unit: 'ms' },
    ];
    printFigures(print, rows);
    return rows;
  } finally {
    waiter.onModuleDestroy();
    await stack.close();
  }
}
