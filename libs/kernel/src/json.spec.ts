import * as fc from 'fast-check';
import { rounds, seed } from '@ferry/testing/specs';
import { defined, sameJson } from './json';

const parameters = () => ({ seed: seed(), numRuns: rounds(300) });

class Forms {
  id?: string;
  url?: string = 'https://h/';
}

describe('defined', () => {
  it('drops undefined fields at every depth and keeps null, false and zero', () => {
    const value = defined({ a: undefined, b: { c: undefined, d: null, e: false }, f: [{ g: undefined, h: 0 }], forms: new Forms() });
    expect(value).toStrictEqual({ b: { d: null, e: false }, f: [{ h: 0 }], forms: { url: 'https://h/' } });
  });

  it('leaves alone what came from JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const stored = JSON.parse(JSON.stringify(value)) as object;
        expect(defined(stored)).toStrictEqual(stored);
      }),
      parameters(),
    );
  });
});

describe('sameJson', () => {
  it('does not look at the order of fields, but at that of lists', () => {
    expect(sameJson({ a: 1, b: { c: 2, d: undefined } }, { b: { c: 2 }, a: 1 })).toBe(true);
    expect(sameJson([1, 2], [2, 1])).toBe(false);
    expect(sameJson({ a: null }, {})).toBe(false);
    expect(sameJson(undefined, undefined)).toBe(true);
    expect(sameJson(undefined, {})).toBe(false);
  });

  it('is so for any value and itself with its fields turned round', () => {
    const turned = (value: unknown): unknown =>
      typeof value !== 'object' || value === null || Array.isArray(value)
        ? value
        : Object.fromEntries(Object.entries(value).reverse().map(([key, field]) => [key, turned(field)]));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(sameJson(value, turned(value))).toBe(true);
        expect(sameJson(value, [value])).toBe(false);
      }),
      parameters(),
    );
  });
});
