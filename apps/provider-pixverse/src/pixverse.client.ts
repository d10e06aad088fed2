import { ProviderError, type AdapterDependencies, type HttpAnswer, type JsonAnswer, type MultipartOptions } from '@ferry/provider-sdk';
import { unwrap } from './pixverse.errors';
import { parseImage, parseMedia, parseVideoResult, type UploadedMedia, type VideoResult } from './pixverse.wire';

type Form = Omit<MultipartOptions, 'fields' | 'file'> & { readonly file: Omit<MultipartOptions['file'], 'field'> };

/** PixVerse's HTTP API, one method for each endpoint. */
export class PixverseClient {
  constructor(
    private readonly baseUrl: string,
    private readonly dependencies: AdapterDependencies,
  ) {}

  /** POST /media/upload: video and audio. */
  async uploadMedia(apiKey: string, form: Form, signal: AbortSignal): Promise<UploadedMedia> {
    return this.expected(await this.upload('media', 'file', apiKey, form, signal), parseMedia);
  }

  /** POST /image/upload. */
  async uploadImage(apiKey: string, form: Form, signal: AbortSignal): Promise<UploadedMedia> {
    return this.expected(await this.upload('image', 'image', apiKey, form, signal), parseImage);
  }

  /** GET /video/result/{id}. */
  async videoResult(apiKey: string, id: string, signal: AbortSignal): Promise<VideoResult> {
    const url = `${this.baseUrl}/video/result/${encodeURIComponent(id)}`;
    const answer = await this.dependencies.http.json({ url, credentials: this.credentials(apiKey), signal });
    return this.expected(answer, parseVideoResult);
  }

  /** GET of a media link: public, without the key. */
  media(url: string, signal: AbortSignal): Promise<HttpAnswer> {
    return this.dependencies.http.send({ url, signal });
  }

  private async upload(path: string, field: string, apiKey: string, form: Form, signal: AbortSignal): Promise<JsonAnswer> {
    return this.dependencies.http.upload({
      url: `${this.baseUrl}/${path}/upload`,
      credentials: this.credentials(apiKey),
      signal,
      form: { ...form, file: { ...form.file, field } },
    });
  }

  private expected<T>(answer: JsonAnswer, parse: (resp: unknown) => T | undefined): T {
    const value = parse(unwrap(answer, this.dependencies.now()));
    if (value !== undefined) return value;
    throw new ProviderError('protocol', `PixVerse: the answer lacks what was asked for. It begins: ${answer.excerpt()}`, { code: 'ANSWER_INCOMPLETE' });
  }

  /** A trace id names one request; a second one with it is taken as the same. */
  private credentials(apiKey: string): () => Record<string, string> {
    return () => ({ 'API-KEY': apiKey, 'Ai-trace-id': this.dependencies.uuid() });
  }
}
