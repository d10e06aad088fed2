import { toRegExp } from './regex';

describe('an expression', () => {
  it.each<[string, string, string, boolean]>([
    ['a$', '', 'a\n', true],
    ['a$', '', 'a\nb', false],
    ['a$', 'm', 'a\nb', true],
    ['a$', 'm', 'a\rb', false],
    ['^b', 'm', 'a\nb', true],
    ['^b', 'm', 'a\u2028b', false],
    ['^b', '', 'a\nb', false],
    ['a\\z', '', 'a\n', false],
    ['a\\Z', '', 'a\n', true],
    ['\\Ab', 'm', 'a\nb', false],
    ['^\\Qa.b*\\E$', '', 'a.b*', true],
    ['^\\Qa.b', '', 'axb', false],
    ['^\\x{61}$', '', 'a', true],
    ['^[[:digit:]]+$', '', '123', true],
    ['^[]a]+$', '', ']a', true],
    ['^[^\\s]$', '', '\u00a0', true],
    ['^[\\s\\S]+$', '', 'a\u00a0 \n', true],
    ['^\\S$', '', '\u00a0', true],
    ['^a\\h$', '', 'a\t', true],
    ['^\\v$', '', '\n', true],
    ['^a.b$', '', 'a\rb', true],
    ['^a.b$', '', 'a\nb', false],
    ['^a.b$', 's', 'a\nb', true],
    ['(?i)^AB$', '', 'ab', true],
    ['^(\\d+\\.){3}\\d+$', '', '10.0.0.1', true],
    ['^(a.*)?b$', '', 'axb', true],
    ['^([0-9a-f]{32},)+$', '', `${'0'.repeat(32)},`, true],
    ['^(?<x>a)\\k<x>\\1$', '', 'aaa', true],
    ['a{,b', '', 'a{,b', true],
    ['^a/b\\/c\\-d$', '', 'a/b/c-d', true],
  ])('%s (%s) on %j is %s', (pattern, options, text, expected) => {
    expect(toRegExp(pattern, options).test(text)).toBe(expected);
  });

  it.each(['\\p{L}', '\\R', '\\K', '\\u0061', 'a(?i)b', 'a++', 'a*+', '(?>a)', '(?P<a>b)', '(?#x)', '(*UTF)a', '[[:^digit:]]', '\\x{1f600}', '^(a+)+$', '(a*)*', '((a+)b)*', '(?:a|b+){2,}', '(a{1,50})+', '(a+){20}'])('%s is refused by name', (pattern) => {
    expect(() => toRegExp(pattern, '')).toThrow(expect.objectContaining({ code: 51091, message: expect.stringContaining('not supported by the embedded development server') as unknown }));
  });

  it.each(['(', ')', '[a', '*a', 'a{2,1}', '\\'])('%s is none', (pattern) => {
    expect(() => toRegExp(pattern, '')).toThrow(expect.objectContaining({ code: 51091 }));
  });
});
