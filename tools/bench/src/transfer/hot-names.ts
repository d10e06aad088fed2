import { createHash } from 'node:crypto';

export const ECHO_SUBJECT = 'bench.echo';
export const OWNER = 'dev';
export const PROVIDER = 'sora';
export const ACCOUNT = 'sora-main';
export const VARIANT = 'character';

/** The number-th asset: a UUID as good as random. */
export const assetIdOf = (number: number): string => {
  const hex = createHash('sha1').update(`bench ${number}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};
