import type { FileHandle } from 'node:fs/promises';
import type { MediaKind } from '@ferry/kernel';
import { inspectImageHead } from './images';
import { inspectMedia } from './inspect';
import type { MediaContent } from './media-content';
import { MediaSource } from './media-source';
import { boxesOf } from './mp4-boxes';
import { contentOf, readMovie } from './mp4';

/** What the beginning of a file tells before the rest has come. Nothing of it is verified. */
export type EarlyFacts = Partial<Omit<MediaContent, 'kind'>>;

/** The file has to reach this offset before more can be said. */
export class NotYetThere extends Error {
  constructor(readonly offset: number) {
    super(`byte ${offset} has not come yet`);
  }
}

/** A file of a known length of which only a part has come. */
export class GrowingSource extends MediaSource {
  constructor(
    handle: FileHandle,
    size: number,
    private readonly available: () => number,
  ) {
    super(handle, size);
  }

  /** @throws NotYetThere */
  override read(offset: number, length: number): Promise<Buffer> {
    const end = Math.min(offset + length, this.size);
    if (end > this.available()) throw new NotYetThere(end);
    return super.read(offset, length);
  }
}

/** MP4 with its index (moov) before the media data: all facts. Otherwise the type that the first box and the asset's kind say. */
const mp4Head = async (source: MediaSource, kind: MediaKind, headBytes: number): Promise<Partial<MediaContent>> => {
  let mimeType = kind === 'audio' ? 'audio/mp4' : 'video/mp4';
  for await (const box of boxesOf(source, 0, source.size)) {
    const brand = box.type === 'ftyp' ? (await source.read(box.start, 4)).toString('latin1') : undefined;
    if (brand === 'qt  ' && kind !== 'audio') mimeType = 'video/quicktime';
    if (box.type === 'moov') return contentOf(await readMovie(source, box), mimeType === 'video/quicktime' ? 'qt  ' : '');
    if (box.end > headBytes) break;
  }
  return { mimeType };
};

const headOf = async (source: GrowingSource, kind: MediaKind, headBytes: number): Promise<Partial<MediaContent>> => {
  const head = await source.read(0, 32);
  if (head.toString('latin1', 4, 8) === 'ftyp') return mp4Head(source, kind, headBytes);
  return inspectImageHead(head) ?? (await inspectMedia(source));
};

/**
 * What the first `headBytes` of the file tell. Empty where they tell nothing, are broken or of another kind: the whole
 * file's verification says why.
 * @throws NotYetThere with an offset of at most `headBytes`
 */
export const earlyFactsOf = async (source: GrowingSource, kind: MediaKind, headBytes: number): Promise<EarlyFacts> => {
  try {
    const { kind: found = kind, ...facts } = await headOf(source, kind, headBytes);
    return found === kind ? facts : {};
  } catch (error) {
    if (error instanceof NotYetThere && error.offset <= headBytes) throw error;
    return {};
  }
};
