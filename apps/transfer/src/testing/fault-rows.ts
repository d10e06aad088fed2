import { cacheStream } from '@ferry/domain/cache/events';
import { downloadStream } from '@ferry/domain/download/events';
import { parseRunId } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DownloadFault } from './download-faults';
import { FIXTURES, OWNER, type Rig } from './rig';
import { count, streamOf } from './steps';
import type { UploadFault } from './upload-faults';

const VIDEO = readFileSync(join(FIXTURES, 'pixverse-harbour.mp4'));
const IMAGE = readFileSync(join(FIXTURES, 'fixture.png'));
const ENDS = ['TransferCompleted', 'TransferFailed', 'TransferCancelled'];
const END_MS = 240_000;

/** Each row has an account of its own at both providers, so that no breaker or permit is shared. */
export const accountOf = (index: number): string => `row-${index}`;
export const keyOf = (provider: string, accountId: string): string => `${provider}-secret-of-${accountId}-0123456789`;
export const accounts = (provider: string, rows: number): string =>
  JSON.stringify(Array.from({ length: rows }, (_none, index) => ({ accountId: accountOf(index), apiKey: keyOf(provider, accountOf(index)), owners: [OWNER] })));

interface Recorded {
  readonly type: string;
  readonly data: { readonly kind?: string; readonly retryable?: boolean; readonly message?: string; readonly forms?: { readonly id?: string } };
}

/** What came of a row, from the streams, the disk and the simulator's own counts. */
export interface RowResult {
  /** The kind that the run failed with, or that it is complete. */
  readonly ended: string;
  /** Kinds of the failed attempts. */
  readonly failed: readonly string[];
  readonly calls: number;
  readonly cached: boolean;
  readonly folder: boolean;
  readonly references: readonly string[];
  readonly accepted: readonly string[];
  readonly orphans: number;
  /** All that was recorded, but for what stands under `forms` or is personal. */
  readonly told: string;
}

const withoutForms = (events: readonly Recorded[]): string =>
  JSON.stringify(events, (key, value: unknown) => (key === 'forms' || key === 'personal' ? undefined : value));

const endOf = async (rig: Rig, transferId: string): Promise<Recorded[]> =>
  eventually(
    async () => {
      const events = (await rig.store.read(streamOf(transferId))) as unknown as Recorded[];
      if (!events.some(({ type }) => ENDS.includes(type))) throw new Error(`${transferId} has not ended: ${events.map(({ type }) => type).join(', ')}`);
      return events;
    },
    { timeoutMs: END_MS, everyMs: 500 },
  );

/** @param failures event of a failed attempt, in the download's stream or the transfer's */
const resultOf = async (rig: Rig, row: { assetId: string; accountId: string; to: string; transferId: string; failures: string }): Promise<RowResult> => {
  const { assetId, accountId, to, transferId, failures } = row;
  const transfer = await endOf(rig, transferId);
  const download = (await rig.store.read(downloadStream(assetId))) as unknown as Recorded[];
  const end = transfer.findLast(({ type }) => ENDS.includes(type))!;
  const accepted = await rig.accepted(keyOf(to, accountId));
  return {
    ended: end.data.kind ?? end.type,
    failed: [...download, ...transfer].filter(({ type }) => type === failures).map(({ data }) => String(data.kind)),
    calls: (await rig.faultCalls())[accountId] ?? 0,
    cached: (await rig.types(cacheStream(assetId))).includes('FileCached'),
    folder: existsSync(join(rig.cacheDir, 'assets', assetId)),
    references: transfer.filter(({ type }) => type === 'ProviderUrlCached').map(({ data }) => String(data.forms?.id)),
    accepted: accepted.map(({ id }) => id),
    orphans: count(transfer.map(({ type }) => type), 'UploadOrphaned'),
    told: withoutForms([...download, ...transfer]),
  };
};

/** Begins a run, whose id is also known where the run is there already. */
const begin = async (rig: Rig, assetId: string, to: string, accountId: string): Promise<string> => {
  const answer = await rig.resolve(assetId, to, { accountId }, 60_000);
  if (answer.status !== 'pending') throw new Error(`the route of ${assetId} was known already`);
  if (!parseRunId(answer.transferId)) throw new Error(`${answer.transferId} is no run`);
  return answer.transferId;
};

/** What comes of a run that has begun, when it has ended. */
export type Ending = () => Promise<RowResult>;

export const beginDownloadFault = async (rig: Rig, { faults, content, declared }: DownloadFault, accountId: string): Promise<Ending> => {
  const { id, url } = await rig.seedVideo(content?.(VIDEO, IMAGE) ?? { bytes: VIDEO, mimeType: 'video/mp4' });
  const path = new URL(url).pathname.split('/').at(-1)!;
  for (const fault of faults?.(url) ?? []) await rig.fault({ provider: 'pixverse', operation: 'media-download', path, name: accountId, ...fault });
  const origin = { providerId: 'pixverse', accountId, forms: { id, idType: 'video' } };
  const assetId = await rig.register({ kind: 'video', origin, ...(declared ? { declared: declared(VIDEO) } : {}) });
  const transferId = await begin(rig, assetId, 'sora', accountId);
  return () => resultOf(rig, { assetId, accountId, to: 'sora', transferId, failures: 'DownloadAttemptFailed' });
};

const OPERATIONS = { pixverse: { provider: 'pixverse', operation: 'media-upload' }, sora: { provider: 'openai', operation: 'character-create' } };

/** @param assetId cached already */
export const beginUploadFault = async (rig: Rig, { to, fault }: UploadFault, assetId: string, accountId: string): Promise<Ending> => {
  const key = keyOf(to, accountId);
  if (fault) {
    const { rawBody } = fault as { rawBody?: string };
    const told = rawBody === undefined ? {} : { rawBody: rawBody.replace('KEY', key) };
    await rig.fault({ ...OPERATIONS[to], key, name: accountId, ...fault, ...told });
  }
  const transferId = await begin(rig, assetId, to, accountId);
  return () => resultOf(rig, { assetId, accountId, to, transferId, failures: 'UploadFailed' });
};
