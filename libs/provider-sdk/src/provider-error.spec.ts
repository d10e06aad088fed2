import { parseLossless } from './lossless-json';
import { KIND_RULES } from '@ferry/contracts';
import { excerptOf, kindOfStatus, parseRetryAfter, ProviderError } from './provider-error';

describe('ProviderError', () => {
  it.each([
    'see https://media.example.com/a.mp4?sig=abcdef for more',
    'runway://uploads/abcdef was refused',
    'Authorization: Bearer abcdef.ghi is not valid',
    'key sk-abcdef123456 is not valid',
    'user abcdef@example.com may not',
  ])('takes what must not be told out of "%s"', (message) => expect(new ProviderError('auth', message).message).not.toMatch(/abcdef/));

  it('keeps its message short', () => expect(new ProviderError('protocol', 'x '.repeat(1000)).message.length).toBe(300));

  it('takes no time over a long text, such as a header of 64 KiB', () => {
    const started = performance.now();
    expect(new ProviderError('protocol', 'a.'.repeat(32_768)).message.length).toBe(300);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('is tried again, and blamed on the vendor, by its kind', () => {
    const having = (rule: 'retryable' | 'countsAgainstBreaker') => Object.entries(KIND_RULES).filter(([, rules]) => rules[rule]).map(([kind]) => kind);
    expect(having('retryable')).toEqual(['throttled', 'unavailable', 'timeout', 'protocol']);
    expect(having('countsAgainstBreaker')).toEqual(['unavailable', 'timeout', 'protocol']);
    expect(new ProviderError('not-found', 'x', { retryable: true }).retryable).toBe(true);
  });

  it.each([
    [402, 'quota'],
    [410, 'not-found'],
    [418, 'invalid-request'],
    [204, 'protocol'],
  ])('takes HTTP %i as %s', (status, kind) => expect(kindOfStatus(status)).toBe(kind));
});

describe('excerptOf', () => {
  it.each([
    ['<title>Sorry</title>\n  <p>Try\tagain', '<title>Sorry</title> <p>Try again'],
    ['{"error":"no plan","code":7}', '{"error":"no plan","code":7}'],
    ['{"url":"https://cdn.example.com/a?sig=abcdef","x":1}', '{"url":"[link]'],
    ['see cdn.example.com/a.mp4?X-Amz-Signature=abcdef now', 'see [link] now'],
    ['{"api_key": "abcdef", "upload_token":"abcdef", "secret":"abcdef"}', '{"api_key": "[key]", "upload_token":"[key]", "secret":"[key]"}'],
    ['no account has my-own-key here', 'no account has [key] here'],
    [`eyJhbGciOiJIUzI1NiJ9.${'a'.repeat(30)}.b`, 'eyJhbGciOiJIUzI1NiJ9.[token].b'],
    ['mail to abcdef@example.com', 'mail to [address]'],
    ['a '.repeat(200), `${'a '.repeat(60)}…`],
    ['', ''],
  ])('tells of %j', (text, told) => expect(excerptOf(text, ['my-own-key', ''])).toBe(told));

  it('takes no time over a long text', () => {
    const started = performance.now();
    for (const piece of ['a', 'key', '?=', 'a-', '="']) excerptOf(piece.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['7', 7_000],
    ['0.5', 500],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['999999999', 86_400_000],
    ['soon', undefined],
    [undefined, undefined],
  ])('reads %s', (header, expected) => expect(parseRetryAfter(header, now)).toBe(expected));
});

describe('parseLossless', () => {
  it('keeps whole numbers that a double would change', () => {
    expect(parseLossless('{"a":9007199254740993,"b":18446744073709551615,"c":-9007199254740993,"d":9007199254740991,"e":1.5,"f":1e300,"g":"1"}')).toEqual({
      ...{ a: '9007199254740993', b: '18446744073709551615', c: '-9007199254740993', d: 9007199254740991, e: 1.5, f: 1e300, g: '1' },
    });
  });
});
