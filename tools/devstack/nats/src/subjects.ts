const WHITE_SPACE = /\s/;

/** No empty token, no white space. Wildcards are not looked at. */
function hasTokens(tokens: string[]): boolean {
  return tokens.every((token) => token !== '' && !WHITE_SPACE.test(token));
}

/** What may be subscribed to: `*` stands for one token, `>` for one or more at the end. */
export function isValidSubscription(subject: string): boolean {
  const tokens = subject.split('.');
  const tail = tokens.indexOf('>');
  return hasTokens(tokens) && (tail === -1 || tail === tokens.length - 1);
}

/** What may be published to: no wildcard token. */
export function isValidPublishSubject(subject: string): boolean {
  const tokens = subject.split('.');
  return hasTokens(tokens) && !tokens.includes('*') && !tokens.includes('>');
}
