import type { CachedFile } from '@ferry/contracts';
import { eventually } from '@ferry/testing/specs';
import { JobError } from './job-error';
import { JobRegistry, type JobContext, type JobRegistryOptions, type JobResult } from './job-registry';
import { ProviderError } from './provider-error';

const result: JobResult = { upload: { forms: { id: '1', idType: 'media' } } };

const registryWith = (options: Partial<JobRegistryOptions> = {}): JobRegistry =>
  new JobRegistry({ maxRunning: 2, maxRemembered: 10, rememberMs: 60_000, onUnexpected: () => undefined, ...options });

const request = (runId = 'run', attempt = 1, jobId = 'job') => ({ runId, attempt, jobId, timeoutMs: 10_000 });

const untilAborted = ({ signal }: JobContext): Promise<JobResult> =>
  new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason as Error)));

describe('JobRegistry', () => {
  it('runs a job once, however often it is started, also after its end', async () => {
    const registry = registryWith();
    const work = jest.fn(async ({ onBytes }: JobContext) => {
      onBytes(5);
      return result;
    });
    const job = registry.start(request(), work);
    expect(registry.start(request(), work)).toBe(job);
    expect(await job.join(1_000)).toEqual({ jobId: 'job', bytes: 5, status: 'succeeded', ...result });
    expect(registry.start(request(), work)).toBe(job);
    expect(work).toHaveBeenCalledTimes(1);
    await registry.close();
  });

  it('refuses another job for the same attempt, and takes the next attempt', async () => {
    const registry = registryWith();
    registry.start(request(), async () => result);
    expect(() => registry.start(request('run', 1, 'other'), async () => result)).toThrow(expect.objectContaining({ code: 'JOB_CONFLICT' }));
    expect(() => registry.start(request('run', 2, 'other'), async () => result)).not.toThrow();
    await registry.close();
  });

  it('answers running while it runs and the end to whoever waits', async () => {
    const registry = registryWith();
    let finish!: (result: JobResult) => void;
    const job = registry.start(request(), () => new Promise((done) => (finish = done)));
    expect(await job.join(0)).toEqual({ jobId: 'job', bytes: 0, status: 'running' });
    expect(await job.join(5)).toMatchObject({ status: 'running' });
    const waiting = job.join(10_000);
    finish({ download: { assetId: 'a' } as CachedFile });
    expect(await waiting).toMatchObject({ status: 'succeeded', download: { assetId: 'a' } });
    await registry.close();
  });

  it.each([
    ['a vendor’s limit', new ProviderError('throttled', 'slow down', { retryAfterMs: 7000 }), { kind: 'throttled', message: 'slow down', retryable: true, retryAfterMs: 7000 }],
    ['a vendor’s refusal', new ProviderError('too-large', 'big', { code: '500030' }), { kind: 'too-large', message: 'big', retryable: false, code: '500030' }],
    ['a failure of the cache', new JobError({ kind: 'cache-full', message: 'full', retryable: false }), { kind: 'cache-full', message: 'full', retryable: false }],
  ])('tells of %s', async (_name, error, failure) => {
    const registry = registryWith();
    expect(await registry.start(request(), () => Promise.reject(error)).join(1_000)).toMatchObject({ status: 'failed', error: failure });
    await registry.close();
  });

  it('tells nothing of an error that nobody foresaw, and hands it to the log', async () => {
    const onUnexpected = jest.fn();
    const registry = registryWith({ onUnexpected });
    const error = new TypeError('key secret');
    const status = await registry.start(request(), () => Promise.reject(error)).join(1_000);
    expect(status).toMatchObject({ status: 'failed', error: { kind: 'unavailable', code: 'INTERNAL', retryable: true } });
    expect(JSON.stringify(status)).not.toContain('secret');
    expect(onUnexpected).toHaveBeenCalledWith(error, expect.anything());
    await registry.close();
  });

  it('cancels what runs, and leaves what has ended as it ended', async () => {
    const registry = registryWith();
    const running = registry.start(request('a'), untilAborted);
    expect(await running.cancel(1_000)).toMatchObject({ status: 'failed', error: { kind: 'cancelled', retryable: false } });
    const ended = registry.start(request('b'), async () => result);
    await ended.ended;
    expect(await ended.cancel(1_000)).toMatchObject({ status: 'succeeded' });
    await registry.close();
  });

  it('ends a job at its deadline', async () => {
    const registry = registryWith();
    const job = registry.start({ ...request(), timeoutMs: 1 }, untilAborted);
    expect(await job.join(5_000)).toMatchObject({ status: 'failed', error: { kind: 'timeout', retryable: true } });
    await registry.close();
  });

  it('refuses more than it may run, until one ends', async () => {
    const registry = registryWith({ maxRunning: 1 });
    const job = registry.start(request('a'), untilAborted);
    expect(() => registry.start(request('b'), untilAborted)).toThrow(expect.objectContaining({ code: 'TOO_MANY_JOBS', category: 'throttled' }));
    await job.cancel(1_000);
    await eventually(() => registry.start(request('b'), async () => result));
    await registry.close();
  });

  it('forgets ended jobs after their time, and the oldest where there are too many', async () => {
    const onForgotten = jest.fn();
    const brief = registryWith({ rememberMs: 1, onForgotten });
    await brief.start(request(), async () => result).ended;
    await eventually(() => expect(brief.find('run', 1)).toBeUndefined());
    expect(onForgotten).toHaveBeenCalledTimes(1);

    const small = registryWith({ maxRemembered: 1 });
    for (const runId of ['a', 'b']) await small.start(request(runId), async () => result).ended;
    await eventually(() => expect(small.find('a', 1)).toBeUndefined());
    expect(small.find('b', 1)).toBeDefined();
    await Promise.all([brief.close(), small.close()]);
  });

  it('stops what runs when it closes, as something to be tried again', async () => {
    const registry = registryWith();
    const waiting = registry.start(request(), untilAborted).join(5_000);
    await registry.close();
    expect(await waiting).toMatchObject({ status: 'failed', error: { kind: 'unavailable', code: 'ADAPTER_STOPPED', retryable: true } });
  });
});
