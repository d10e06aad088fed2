import { IsUrl } from 'class-validator';

export class SoraSettings {
  /** OpenAI's own Videos API ended on 2026-09-24: name a gateway that keeps its shape. */
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false, allow_query_components: false, allow_fragments: false })
  SORA_BASE_URL = 'https://api.openai.com/v1';

  get baseUrl(): string {
    return this.SORA_BASE_URL.replace(/\/+$/, '');
  }
}
