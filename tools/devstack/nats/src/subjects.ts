/** What may be subscribed to: `*` stands for one token, `>` for one or more at the end. Blanks never come here: they end a subject. */
export function isValidSubscription(subject: string): boolean {
  const tokens = subject.split('.');
  const tail = tokens.indexOf('>');
  return !tokens.includes('') && (tail === -1 || tail === tokens.length - 1);
}

/** What may be published to: no wildcard token. */
export function isValidPublishSubject(subject: string): boolean {
  const tokens = subject.split('.');
  return !['', '*', '>'].some((token) => tokens.includes(token));
}
