import type { MediaKind } from '@ferry/kernel';

/** What the bytes themselves say. Pixels as shown (turned by the file's own rotation), seconds. */
export interface MediaContent {
  readonly mimeType: string;
  readonly kind: MediaKind;
  readonly width?: number;
  readonly height?: number;
  readonly durationSeconds?: number;
}

/** To the millisecond; nothing where the file does not say. */
export const seconds = (value: number): { durationSeconds?: number } =>
  Number.isFinite(value) && value > 0 ? { durationSeconds: Math.round(value * 1000) / 1000 } : {};
