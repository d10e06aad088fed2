import { IsUrl } from 'class-validator';

export class PixverseSettings {
  /** In China: `https://app-api.pixverseai.cn/openapi/v2`. */
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false, allow_query_components: false, allow_fragments: false })
  PIXVERSE_BASE_URL = 'https://app-api.pixverse.ai/openapi/v2';

  get baseUrl(): string {
    return this.PIXVERSE_BASE_URL.replace(/\/+$/, '');
  }
}
