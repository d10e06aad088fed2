import { createHmac, timingSafeEqual } from 'node:crypto';
import { FerryError, type MediaKind } from '@ferry/kernel';

interface CommonClaims {
  readonly assetId: string;
  readonly owner: string;
  /** Milliseconds since 1970: not accepted after it. */
  readonly expiresAt: number;
}

/** The right to store an asset's content once, for one attempt of one download. */
export interface PutClaims extends CommonClaims {
  readonly operation: 'put';
  readonly downloadId: string;
  readonly epoch: number;
  readonly attempt: number;
  readonly kind: MediaKind;
  readonly filename?: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

/** The right to read an asset's content. */
export interface GetClaims extends CommonClaims {
  readonly operation: 'get';
  /** Who reads: a run's id and epoch, or a gateway's request id. */
  readonly run: string;
  /** Only the content that this attempt of a download brings, also while it comes. */
  readonly follows?: {
    readonly downloadId: string;
    readonly epoch: number;
    readonly attempt: number;
    /** As its beginning says. */
    readonly mimeType: string;
  };
}

export type FollowClaims = Required<Pick<GetClaims, 'follows'>>;

export type Claims = PutClaims | GetClaims;

const PATH = /^\/v1\/data\/([0-9a-f-]{36})$/;
const MAX_CLAIMS_LENGTH = 8_192;

const invalid = (): FerryError => new FerryError('URL_INVALID', 'forbidden', 'The address was not made by this cache, or was changed. Ask for a new one.');

/** Makes and checks the addresses of the data plane: signed with HMAC-SHA256 for one asset, one operation and a short time. */
export class SignedUrls {
  /** @param secrets the first signs, all are accepted: put a new one in front and drop the old one later */
  constructor(
    private readonly base: () => string,
    private readonly secrets: readonly string[],
  ) {}

  sign(claims: Claims): string {
    const text = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${this.base()}/v1/data/${claims.assetId}?claims=${text}&signature=${signature(this.secrets[0]!, text).toString('base64url')}`;
  }

  /**
   * @param url path and query as they came
   * @throws FerryError URL_INVALID, URL_EXPIRED (forbidden); NOT_FOUND for a path that is none of ours
   */
  verify<Operation extends Claims['operation']>(url: string, operation: Operation, now: number): Extract<Claims, { operation: Operation }> {
    const address = URL.canParse(url, 'http://cache') ? new URL(url, 'http://cache') : undefined;
    const assetId = PATH.exec(address?.pathname ?? '')?.[1];
    if (!address || !assetId) throw new FerryError('NOT_FOUND', 'not-found', 'There is nothing at this address.');
    const text = address.searchParams.get('claims') ?? '';
    if (text.length > MAX_CLAIMS_LENGTH || !this.isSigned(text, address.searchParams.get('signature') ?? '')) throw invalid();
    const claims = JSON.parse(Buffer.from(text, 'base64url').toString()) as Claims;
    if (claims.assetId !== assetId || claims.operation !== operation) throw invalid();
    if (claims.expiresAt <= now) throw new FerryError('URL_EXPIRED', 'forbidden', 'The address is not valid any more. Ask for a new one.');
    return claims as Extract<Claims, { operation: Operation }>;
  }

  private isSigned(text: string, given: string): boolean {
    const bytes = Buffer.from(given, 'base64url');
    const accepted = this.secrets.filter((secret) => {
      const expected = signature(secret, text);
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    });
    return accepted.length > 0;
  }
}

const signature = (secret: string, text: string): Buffer => createHmac('sha256', secret).update(`ferry-data-1\n${text}`).digest();
