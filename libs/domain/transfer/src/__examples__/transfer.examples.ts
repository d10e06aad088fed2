import { transferIdOf } from '@ferry/kernel';
import type { RequestTransfer, TransferCommand } from '../transfer.commands';
import type { TransferEvent } from '../transfer.events';

export const NOW = '2026-01-05T10:00:00.000Z';
export const ROUTE_ID = '0b6f0f7e-9a51-5b3c-8d0e-2f6d1c3a4b5c';
export const RUN_1 = transferIdOf(ROUTE_ID, 1);
export const RUN_2 = transferIdOf(ROUTE_ID, 2);
export const SHA256 = 'a'.repeat(64);
export const FORMS = { id: 'char_42', idType: 'character' };
export const route = { assetId: '5d1c9a52-3a0b-5f64-9a57-0c7e1b2d3f40', providerId: 'sora', accountId: 'sora-main', variant: 'character' };

export type CommandOf<T extends TransferCommand['type']> = Extract<TransferCommand, { type: T }>;
export const command = <T extends TransferCommand['type']>(type: T, data: CommandOf<T>['data'], now = NOW) =>
  ({ type, data, metadata: { now } }) as CommandOf<T>;

export const request = (data: Partial<RequestTransfer['data']> = {}, now = NOW) =>
  command('RequestTransfer', { routeId: ROUTE_ID, ...route, reason: 'resolve', priority: 'resolve', ...data }, now);
export const release = (data: Partial<CommandOf<'ReleaseUpload'>['data']> = {}) =>
  command('ReleaseUpload', { transferId: RUN_1, epoch: 1, attempt: 1, jobId: 'job-1', sizeBytes: 10, sha256: SHA256, ...data });
export const complete = (data: Partial<CommandOf<'CompleteTransfer'>['data']> = {}) =>
  command('CompleteTransfer', { transferId: RUN_1, attempt: 1, forms: FORMS, ...data });
export const start = (epoch: number, attempt: number, transferId = RUN_1) => command('StartUpload', { transferId, epoch, attempt });

export const requested = (transferId = RUN_1): TransferEvent => ({ type: 'TransferRequested', data: { transferId, ...route, reason: 'resolve', priority: 'resolve' } });
export const claimed = (epoch = 1, transferId = RUN_1): TransferEvent => ({ type: 'TransferClaimed', data: { transferId, workerId: 'worker-a', epoch } });
export const started = (attempt = 1, epoch = 1): TransferEvent => ({ type: 'UploadStarted', data: { transferId: RUN_1, epoch, attempt } });
export const released: TransferEvent = { type: 'UploadReleased', data: { transferId: RUN_1, epoch: 1, attempt: 1, jobId: 'job-1', sizeBytes: 10, sha256: SHA256 } };
export const accepted: TransferEvent = { type: 'UploadAccepted', data: { transferId: RUN_1, attempt: 1, forms: { id: 'task_7' } } };
export const attemptFailed: TransferEvent = {
  type: 'UploadFailed',
  data: { transferId: RUN_1, attempt: 1, kind: 'timeout', retryable: true, retryAt: NOW, message: 'No answer.' },
};
export const cached = (expiresAt?: string): TransferEvent[] => [
  { type: 'UploadCompleted', data: { transferId: RUN_1, attempt: 1 } },
  { type: 'ProviderUrlCached', data: { transferId: RUN_1, referenceId: RUN_1, forms: FORMS, ...(expiresAt && { expiresAt }) } },
  { type: 'TransferCompleted', data: { transferId: RUN_1, completedAt: NOW } },
];
export const failed = (kind = 'unavailable'): TransferEvent => ({
  type: 'TransferFailed',
  data: { transferId: RUN_1, kind, message: 'It said no.', failedAt: NOW },
});
export const cancelled: TransferEvent = { type: 'TransferCancelled', data: { transferId: RUN_1 } };

export const uploading = [requested(), claimed(), started()];
export const ready = [...uploading, released];
export const completed = (expiresAt?: string) => [...ready, ...cached(expiresAt)];
