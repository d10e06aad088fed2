import { member, numberMember, textMember } from '@ferry/provider-sdk';

/** `{error: {message, type, param, code}}`. */
export const parseError = (json: unknown): { readonly code?: string; readonly param?: string } => {
  const error = member(json, 'error');
  return { code: textMember(error, 'code'), param: textMember(error, 'param') };
};

export interface StoredFile {
  readonly id: string;
  /** Of a character. */
  readonly name?: string;
  /** Of a file. */
  readonly bytes?: number;
  /** Seconds since 1970. */
  readonly expiresAt?: number;
}

export const parseStored = (json: unknown): StoredFile | undefined => {
  const id = textMember(json, 'id');
  return id === undefined ? undefined : { id, name: textMember(json, 'name'), bytes: numberMember(json, 'bytes'), expiresAt: numberMember(json, 'expires_at') };
};

export interface Video {
  /** queued, in_progress, completed, failed; `expired` in batches. */
  readonly status: string;
  readonly errorCode?: string;
}

export const parseVideo = (json: unknown): Video | undefined => {
  const status = textMember(json, 'status');
  return status === undefined ? undefined : { status, errorCode: parseError(json).code };
};

export interface ListedFile extends StoredFile {
  readonly filename?: string;
  readonly bytes?: number;
}

/** `{data: [file, …], has_more}`. */
export const parseFiles = (json: unknown): { readonly files: readonly ListedFile[]; readonly hasMore: boolean } | undefined => {
  const data = member(json, 'data');
  if (!Array.isArray(data)) return undefined;
  const files = data.flatMap((entry: unknown) => {
    const stored = parseStored(entry);
    return stored ? [{ ...stored, filename: textMember(entry, 'filename'), bytes: numberMember(entry, 'bytes') }] : [];
  });
  return { files, hasMore: member(json, 'has_more') === true };
};
