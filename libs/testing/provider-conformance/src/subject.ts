import type { ProviderErrorKind } from '@ferry/contracts';
import type { MediaKind } from '@ferry/kernel';
import type { AdapterDependencies, Origin, ProviderAdapter } from '@ferry/provider-sdk';

/** What the simulator says of something that it was given. */
export interface Seeded {
  readonly id: string;
  readonly url: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface ConformanceUpload {
  readonly variant: string;
  readonly kind: MediaKind;
  readonly mimeType: string;
  /** A file of the simulator's fixtures that the vendor takes. */
  readonly fixture: string;
  /** Simulator's name of the endpoint. */
  readonly operation: string;
  /** `idType` of the reference; the simulator's name of what it stores. */
  readonly idType: string;
}

export interface ConformanceDownload {
  readonly name: string;
  /** Simulator's name of the endpoint that sends the bytes. */
  readonly operation: string;
  readonly origin: (seeded: Seeded) => Origin;
}

/** One adapter, as the suite needs to know it. */
export interface ConformanceSubject {
  readonly providerId: string;
  /** Its vendor at the simulator. */
  readonly simulated: 'pixverse' | 'openai';
  readonly create: (baseUrl: string, dependencies: AdapterDependencies) => ProviderAdapter;
  readonly uploads: readonly ConformanceUpload[];
  readonly downloads: readonly ConformanceDownload[];
  /** An origin that the vendor does not know. */
  readonly unknownOrigin: Origin;
  /** Vendor's error codes, as they come in a body. */
  readonly errors: readonly { readonly code: number | string; readonly status?: number; readonly kind: ProviderErrorKind }[];
}
