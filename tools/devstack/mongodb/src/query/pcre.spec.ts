import { Deadline } from '../deadline';
import { toPattern } from './regex';

const matches = (pattern: string, options: string, text: string, deadline?: Deadline): boolean => toPattern(pattern, options).exec(text, deadline) !== null;

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
    ['^(a+)+$', '', 'aaa', true],
    ['^(a*)*$', '', 'aab', false],
    ['^((a+)b)*$', '', 'aabab', true],
    ['^(?:a|b+){2,}$', '', 'abb', true],
    ['^(?:foo|bar)+$', '', 'foobarfoo', true],
    ['(a{1,50})+x', '', 'aax', true],
    ['x(a+){20}', '', `x${'a'.repeat(20)}`, true],
    ['^a/b\\/c\\-d$', '', 'a/b/c-d', true],
  ])('%s (%s) on %j is %s', (pattern, options, text, expected) => {
    expect(matches(pattern, options, text)).toBe(expected);
  });

  it.each(['\\p{L}', '\\R', '\\K', '\\u0061', 'a(?i)b', 'a++', 'a*+', '(?>a)', '(?P<a>b)', '(?#x)', '(*UTF)a', '[[:^digit:]]', '\\x{1f600}'])('%s is refused by name', (pattern) => {
    expect(() => toPattern(pattern, '')).toThrow(expect.objectContaining({ code: 51091, message: expect.stringContaining('not supported by the embedded development server') as unknown }));
  });

  it.each(['(', ')', '[a', '*a', 'a{2,1}', '\\'])('%s is none', (pattern) => {
    expect(() => toPattern(pattern, '')).toThrow(expect.objectContaining({ code: 51091 }));
  });

  it.each<[string, string?]>([
    ['^(a+)+$'], ['^(a*)*$'], ['^(a|a)+$'], ['^(a?a?)+$'], ['^(?:a|aa)*$'], ['^(a{1,50})+$'], ['^(a+){20}$'], ['^((a|b)c?a?)+$'], ['(?:a?){40}$'], [`^${'(a|a)'.repeat(30)}$`],
    [`^${'a*'.repeat(20)}$`], [`${'(||)'.repeat(30)}$`, 'b'], ['(.*)x(.*)y(.*)z(.*)$', 'x'.repeat(3000)], ['\\s+$', `${' '.repeat(300_000)}b`], ['(x+x+)+y', 'x'.repeat(40)],
    ['^(?=(a|a)+$)'], ['^(a|a)+?$'],
  ])('%s ends when the time is over', (pattern, text = `${'a'.repeat(40)}!`) => {
    const startedAt = performance.now();
    expect(() => matches(pattern, '', text, new Deadline(30))).toThrow(expect.objectContaining({ code: 50 }));
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('is stopped also when the command may take any time', () => {
    expect(() => matches('^(a|a)+$', '', `${'a'.repeat(40)}!`)).toThrow(expect.objectContaining({ code: 51156 }));
    expect(matches('^(a|a)+$', '', 'a'.repeat(40))).toBe(true);
  });
});
