import { ProviderError, type AdapterDependencies, type HttpAnswer, type MultipartOptions } from '@ferry/provider-sdk';
import { unwrap } from './pixverse.errors';
import { parseImage, parseMedia, parseVideoResult, type UploadedMedia, type VideoResult } from './pixverse.wire';

type Form = Omit<MultipartOptions, 'fields' | 'file'> & { readonly file: Omit<MultipartOptions['file'], 'field'> };

const expected = <T>(value: T | undefined): T => {
  if (value === undefined) throw new ProviderError('protocol', 'PixVerse: the answer lacks what was asked for.', { code: 'ANSWER_INCOMPLETE' });
  return value;
};

/** PixVerse's HTTP API, one method for each endpoint. */
export class PixverseClient {
  constructor(
    private readonly baseUrl: string,
    private readonly dependencies: AdapterDependencies,
  ) {}

  /** POST /media/upload: video and audio. */
  async uploadMedia(apiKey: string, form: Form, signal: AbortSignal): Promise<UploadedMedia> {
    return expected(parseMedia(await this.upload('media', 'file', apiKey, form, signal)));
  }

  /** POST /image/upload. */
  async uploadImage(apiKey: string, form: Form, signal: AbortSignal): Promise<UploadedMedia> {
    return expected(parseImage(await this.upload('image', 'image', apiKey, form, signal)));
  }

  /** GET /video/result/{id}. */
  async videoResult(apiKey: string, id: string, signal: AbortSignal): Promise<VideoResult> {
    const url = `${this.baseUrl}/video/result/${encodeURIComponent(id)}`;
    const answer = await this.dependencies.http.json({ url, credentials: this.credentials(apiKey), signal });
    return expected(parseVideoResult(unwrap(answer, this.dependencies.now())));
  }

  /** GET of a media link: public, without the key. */
  media(url: string, signal: AbortSignal): Promise<HttpAnswer> {
    return this.dependencies.http.send({ url, signal });
  }

  private async upload(path: string, field: string, apiKey: string, form: Form, signal: AbortSignal): Promise<unknown> {
    const answer = await this.dependencies.http.upload({
      url: `${this.baseUrl}/${path}/upload`,
      credentials: this.credentials(apiKey),
      signal,
      form: { ...form, file: { ...form.file, field } },
    });
    return unwrap(answer, this.dependencies.now());
  }

  /** A trace id names one request; a second one with it is taken as the same. */
  private credentials(apiKey: string): () => Record<string, string> {
    return () => ({ 'API-KEY': apiKey, 'Ai-trace-id': this.dependencies.uuid() });
  }
}
