import { idMember, member, numberMember, textMember } from '@ferry/provider-sdk';

/** `{ErrCode, ErrMsg, Resp}`, or with lower-case names in some errors. */
export const parseEnvelope = (json: unknown): { readonly code: number | undefined; readonly resp: unknown } => ({
  code: numberMember(json, 'ErrCode') ?? numberMember(json, 'err_code'),
  resp: member(json, 'Resp') ?? member(json, 'resp'),
});

export interface UploadedMedia {
  /** uint64, as digits. */
  readonly id: string;
  readonly url?: string;
}

const uploaded = (id: string | undefined, url: string | undefined): UploadedMedia | undefined =>
  id !== undefined && /^\d{1,20}$/.test(id) ? { id, ...(url ? { url } : {}) } : undefined;

export const parseMedia = (resp: unknown): UploadedMedia | undefined => uploaded(idMember(resp, 'media_id'), textMember(resp, 'url'));

/** The names differ between PixVerse's own texts and its own client. */
export const parseImage = (resp: unknown): UploadedMedia | undefined =>
  uploaded(idMember(resp, 'img_id') ?? idMember(resp, 'ImgID'), textMember(resp, 'img_url') ?? textMember(resp, 'ImgUrl'));

/** 1 done, 5 generating, 6 deleted, 7 refused by moderation, 8 failed; others are taken as under way. */
export interface VideoResult {
  readonly status: number;
  readonly url?: string;
}

export const parseVideoResult = (resp: unknown): VideoResult | undefined => {
  const status = numberMember(resp, 'status');
  const url = textMember(resp, 'url');
  return status === undefined ? undefined : { status, ...(url ? { url } : {}) };
};
