import { TokenDto } from '@ferry/contracts';
import { FerryError, type Token } from '@ferry/kernel';
import { validated } from '@ferry/messaging';

/** A token as it stands in headers and queries: base64url of its JSON. */
export const encodeToken = ({ stream, revision, position }: Token): string =>
  Buffer.from(JSON.stringify({ stream, revision, position })).toString('base64url');

/** @throws FerryError MALFORMED_TOKEN */
export const decodeToken = (text: string): Token => {
  try {
    const { stream, revision, position } = validated(TokenDto, JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
    return { stream, revision, position };
  } catch (cause) {
    const refused = 'The token is not one of this API. Send the Ferry-Token header of an earlier answer as it came, or none.';
    throw Object.assign(new FerryError('MALFORMED_TOKEN', 'invalid', refused), { cause });
  }
};
