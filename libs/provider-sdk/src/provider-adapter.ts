import type { ProviderCapabilities, ReferenceCheck, UploadResult } from '@ferry/contracts';
import type { MediaKind, ReferenceForms } from '@ferry/kernel';
import type { Readable } from 'node:stream';
import type { Account } from './account-registry';
import type { HttpClient } from './http-client';
import type { Release } from './multipart';

/** A file on its way to a vendor, verified at the latest when its release is given. Bytes, pixels, seconds. */
export interface FileToUpload {
  /** Begins with the marker `ferry-{transferId}`. */
  readonly filename: string;
  readonly kind: MediaKind;
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** Absent where it is not known before the end. */
  readonly sha256?: string;
  readonly width?: number;
  readonly height?: number;
  readonly durationSeconds?: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface CallContext {
  /** Cancellation and deadline: every vendor call takes it. */
  readonly signal: AbortSignal;
}

export interface UploadContext extends CallContext {
  /** Must be awaited with all that was read before the vendor gets what completes the upload. */
  readonly release: Release;
  readonly onBytes: (count: number) => void;
  /**
   * Where the vendor processes an upload that it has before the reference can be used: to be awaited with what to await, and before that is awaited. Should this
   * process be lost, `checkReference` is asked about these forms instead of a second upload being made.
   */
  readonly accepted: (forms: ReferenceForms) => Promise<void>;
}

export interface Origin {
  readonly forms: ReferenceForms;
  readonly kind: MediaKind;
}

/** An upload whose outcome got lost. */
export interface WantedUpload {
  /** The file's name at the vendor begins with it; an ending may follow. */
  readonly marker: string;
  readonly variant: string;
  readonly sizeBytes?: number;
  /** Ids of uploads that are not meant. */
  readonly besides?: readonly string[];
}

/** A vendor's file, not yet read. */
export interface DownloadedAsset {
  /** Exactly as the vendor announced it; absent: it did not. */
  readonly sizeBytes?: number;
  /** As the vendor says; the content decides later. */
  readonly mimeType: string;
  readonly body: Readable;
}

/**
 * What a vendor's adapter is to Ferry. An ability is a method that exists. All errors are ProviderErrors; retries,
 * breakers and rate limits are the caller's.
 */
export interface ProviderAdapter {
  readonly capabilities: ProviderCapabilities;
  /** Uploads the file as one variant and returns when the reference is usable. */
  uploadAsset?(account: Account, file: FileToUpload, variant: string, context: UploadContext): Promise<UploadResult>;
  /** Opens an asset that was born at the vendor. */
  downloadAsset?(account: Account, origin: Origin, context: CallContext): Promise<DownloadedAsset>;
  /**
   * For variants with the ability `find`. Undefined: the vendor's whole list has none.
   * @throws ProviderError also where the list could not be read to its end
   */
  findUpload?(account: Account, wanted: WantedUpload, context: CallContext): Promise<UploadResult | undefined>;
  /** Whether the vendor still takes a reference or an asset of its own: `gone` only where the vendor says so. */
  checkReference?(account: Account, forms: ReferenceForms, context: CallContext): Promise<ReferenceCheck>;
  /** Deletes an upload at the vendor; false where it is not there any more. */
  deleteUpload?(account: Account, forms: ReferenceForms, context: CallContext): Promise<boolean>;
}

/** What the host gives to an adapter. */
export interface AdapterDependencies {
  readonly http: HttpClient;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly uuid: () => string;
}

/** Every adapter's settings have the vendor's base URL. */
export interface AdapterSettings {
  readonly baseUrl: string;
}
