const MAX_BYTES = 200;
const MAX_EXTENSION_BYTES = 16;
/** Control characters, halves of characters, line separators, and marks that turn the reading direction, so that a name reads as what it is. */
const INVISIBLE = /[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;
const FORBIDDEN = /[<>:"|?*]/g;
/** Device names on Windows, with any extension. */
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
const EXTENSION = /\.([A-Za-z0-9]+)$/;

const EXTENSIONS: Readonly<Record<string, string>> = {
  'video/mp4': 'mp4',
  'video/quicktime': 'mov',
  'video/webm': 'webm',
  'video/x-matroska': 'mkv',
  'audio/mp4': 'm4a',
  'audio/mpeg': 'mp3',
  'audio/aac': 'aac',
  'audio/wav': 'wav',
  'audio/webm': 'weba',
  'audio/x-matroska': 'mka',
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

const withoutEdges = (name: string): string => name.replace(/^[. ]+/, '').replace(/[. ]+$/, '');

/** The longest start of `text` that fits, never half a character. */
const cutToBytes = (text: string, maxBytes: number): string => {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept;
};

/**
 * A name that is safe as one path component on every platform: at most 200 bytes of UTF-8, Unicode and the extension
 * kept. Without a usable name: `asset.{extension of the MIME type}`.
 */
export const safeFilename = (name: string | undefined, mimeType: string): string => {
  const lastPart = (name ?? '').normalize('NFC').split(/[/\\]/).pop()!;
  const clean = withoutEdges(lastPart.replace(INVISIBLE, '').replace(FORBIDDEN, '_'));
  const found = EXTENSION.exec(clean);
  const kept = found && found.index > 0 && found[0].length <= MAX_EXTENSION_BYTES ? found[0] : undefined;
  const extension = kept ?? `.${EXTENSIONS[mimeType] ?? 'bin'}`;
  const base = withoutEdges(kept ? clean.slice(0, -kept.length) : clean);
  const free = RESERVED.test(`${base}${extension}`) ? `_${base}` : base;
  return `${withoutEdges(cutToBytes(free, MAX_BYTES - extension.length)) || 'asset'}${extension}`;
};
