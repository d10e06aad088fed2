import { ProviderError, type AdapterDependencies, type HttpAnswer, type JsonAnswer, type MultipartOptions } from '@ferry/provider-sdk';
import { toProviderError } from './sora.errors';
import { parseFiles, parseStored, parseVideo, type ListedFile, type StoredFile, type Video } from './sora.wire';

type Form = Omit<MultipartOptions, 'fields' | 'file'> & { readonly file: Omit<MultipartOptions['file'], 'field'> };

/** The answer to an upload, which tells of what was sent and of nothing else. A file's name is no proof: vendors write it in their own way. */
const answerFor = (sent: Pick<StoredFile, 'name' | 'bytes'>, stored: StoredFile): StoredFile => {
  const differs = (key: 'name' | 'bytes') => sent[key] !== undefined && stored[key] !== undefined && sent[key] !== stored[key];
  if (!differs('name') && !differs('bytes')) return stored;
  throw new ProviderError('protocol', 'The Sora API answered for another file than the one that was sent.', { code: 'ANSWER_FOR_ANOTHER' });
};

/** OpenAI's Videos and Files APIs, one method for each endpoint. */
export class SoraClient {
  constructor(
    private readonly baseUrl: string,
    private readonly dependencies: AdapterDependencies,
  ) {}

  /** POST /videos/characters. */
  async createCharacter(apiKey: string, name: string, form: Form, signal: AbortSignal): Promise<StoredFile> {
    return answerFor({ name }, this.expected(await this.upload('videos/characters', 'video', { name }, apiKey, form, signal), parseStored));
  }

  /** POST /files, for vision, with an end. */
  async createFile(apiKey: string, lifetimeSeconds: number, form: Form, signal: AbortSignal): Promise<StoredFile> {
    const fields = { purpose: 'vision', 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': String(lifetimeSeconds) };
    return answerFor({ bytes: form.file.sizeBytes }, this.expected(await this.upload('files', 'file', fields, apiKey, form, signal), parseStored));
  }

  /** GET /videos/{id}. */
  async video(apiKey: string, id: string, signal: AbortSignal): Promise<Video> {
    return this.expected(await this.get(`videos/${encodeURIComponent(id)}`, apiKey, signal), parseVideo);
  }

  /** GET /videos/{id}/content or /files/{id}/content. Redirects lead to hosts that do not get the key. */
  async content(apiKey: string, collection: 'videos' | 'files', id: string, signal: AbortSignal): Promise<HttpAnswer> {
    const url = `${this.baseUrl}/${collection}/${encodeURIComponent(id)}/content`;
    const answer = await this.dependencies.http.send({ url, headers: { accept: 'application/binary' }, credentials: bearer(apiKey), signal });
    if (answer.status < 400) return answer;
    answer.body.destroy();
    throw toProviderError(answer, {}, this.dependencies.now());
  }

  /** GET /files, the newest first; `after` is the last id of the page before. */
  async files(apiKey: string, page: { readonly limit: number; readonly after?: string }, signal: AbortSignal): Promise<{ files: readonly ListedFile[]; hasMore: boolean }> {
    const query = new URLSearchParams({ purpose: 'vision', order: 'desc', limit: String(page.limit), ...(page.after ? { after: page.after } : {}) });
    return this.expected(await this.get(`files?${query}`, apiKey, signal), parseFiles);
  }

  /** GET /files/{id} or /videos/characters/{id}. */
  async stored(apiKey: string, collection: 'files' | 'videos/characters', id: string, signal: AbortSignal): Promise<StoredFile> {
    return this.expected(await this.get(`${collection}/${encodeURIComponent(id)}`, apiKey, signal), parseStored);
  }

  /** DELETE /files/{id}. */
  async deleteFile(apiKey: string, id: string, signal: AbortSignal): Promise<void> {
    const url = `${this.baseUrl}/files/${encodeURIComponent(id)}`;
    this.expected(await this.dependencies.http.json({ method: 'DELETE', url, credentials: bearer(apiKey), signal }), parseStored);
  }

  private get(path: string, apiKey: string, signal: AbortSignal): Promise<JsonAnswer> {
    return this.dependencies.http.json({ url: `${this.baseUrl}/${path}`, credentials: bearer(apiKey), signal });
  }

  private upload(path: string, field: string, fields: Record<string, string>, apiKey: string, form: Form, signal: AbortSignal): Promise<JsonAnswer> {
    return this.dependencies.http.upload({
      url: `${this.baseUrl}/${path}`,
      credentials: bearer(apiKey),
      signal,
      form: { ...form, fields, file: { ...form.file, field } },
    });
  }

  private expected<T>(answer: JsonAnswer, parse: (json: unknown) => T | undefined): T {
    if (answer.status !== 200) throw toProviderError(answer, answer.json, this.dependencies.now());
    const value = parse(answer.json);
    if (value !== undefined) return value;
    throw new ProviderError('protocol', `The Sora API sent an answer in another form. It begins: ${answer.excerpt()}`, { code: 'ANSWER_INCOMPLETE' });
  }
}

const bearer = (apiKey: string) => () => ({ authorization: `Bearer ${apiKey}` });
