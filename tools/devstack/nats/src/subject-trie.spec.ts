import fc from 'fast-check';
import { rounds, seed } from '@ferry/testing/specs';
import { SubjectTrie, type TrieEntry } from './subject-trie';
import { isValidPublishSubject, isValidSubscription } from './subjects';

const token = fc.constantFrom('a', 'b', 'c');
const published = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, tail]) => (tail ? [...tokens.slice(0, -1), '>'] : tokens).join('.'));
const entry = fc.record({ subject: pattern, queue: fc.constantFrom(undefined, undefined, 'q', 'r') });

/** The definition, written plainly: compares token by token. */
function covers(pattern: string, subject: string): boolean {
  const [wanted, given] = [pattern.split('.'), subject.split('.')];
  if (wanted.at(-1) === '>') {
    return given.length >= wanted.length && wanted.slice(0, -1).every((t, i) => t === '*' || t === given[i]);
  }
  return given.length === wanted.length && wanted.every((t, i) => t === '*' || t === given[i]);
}

const found = (trie: SubjectTrie<TrieEntry>, subject: string): TrieEntry[] => {
  const { plain, queues } = trie.match(subject);
  for (const [queue, members] of queues) expect(members.every((member) => member.queue === queue)).toBe(true);
  return [...plain, ...[...queues.values()].flat()];
};

describe('SubjectTrie', () => {
  it('finds what the definition of wildcards says, after any additions and removals', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(entry, fc.boolean())), fc.array(published), (entries, subjects) => {
        const trie = new SubjectTrie<TrieEntry>();
        for (const [added] of entries) trie.add(added);
        const kept = entries.filter(([, stays]) => stays).map(([one]) => one);
        for (const [removed, stays] of entries) if (!stays) trie.remove(removed);
        for (const subject of subjects) {
          const expected = kept.filter((one) => covers(one.subject, subject));
          const matched = found(trie, subject);
          expect(matched).toHaveLength(expected.length);
          expect(new Set(matched)).toEqual(new Set(expected));
        }
        for (const one of kept) trie.remove(one);
        expect(trie.isEmpty()).toBe(true);
      }),
      { seed: seed(), numRuns: rounds(300) },
    );
  });
});

describe('subjects', () => {
  it.each(['a', 'a.b', '*', '>', 'a.*.c', 'a.>', 'a*', 'a>b'])('may subscribe to %j', (subject) => {
    expect(isValidSubscription(subject)).toBe(true);
  });
  it.each(['', '.', 'a.', '.a', 'a..b', '>.a', 'a.>.b'])('may not subscribe to %j', (subject) => {
    expect(isValidSubscription(subject)).toBe(false);
  });
  it.each(['a.b', 'a*'])('may publish to %j', (subject) => {
    expect(isValidPublishSubject(subject)).toBe(true);
  });
  it.each(['a.*', 'a.>', 'a..b', ''])('may not publish to %j', (subject) => {
    expect(isValidPublishSubject(subject)).toBe(false);
  });
});
