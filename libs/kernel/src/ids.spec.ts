import * as fc from 'fast-check';
import { rounds, seed } from '@ferry/testing/specs';
import { assetIdOf, canonicalUrl, downloadIdOf, originKeys, parseRunId, routeIdOf, RUN_ID_PATTERN, transferIdOf, UUID_PATTERN } from './ids';

const parameters = () => ({ seed: seed(), numRuns: rounds(300) });

describe('canonicalUrl', () => {
  it.each([
    ['HTTPS://User:pw@Media.Example:443/A%2Fb//c/../d?x=1&y=%20&flag#part', 'https://media.example/A%2Fb//c/../d?x=1&y=%20&flag'],
    ['http://h:80', 'http://h/'],
    ['https://h:80/', 'https://h:80/'],
    ['http://h:8080/?&a', 'http://h:8080/?a'],
    ['https://h/p?Expires=9&x-amz-Date=3&X-Goog-Signature=1&Signature=2&Policy=3&Key-Pair-Id=4&sig=5&se=6&sp=7&sv=8', 'https://h/p'],
    ['https://h/p?b=2&a=1&b=3', 'https://h/p?b=2&a=1&b=3'],
    ['https://h/p?signal=1', 'https://h/p?signal=1'],
  ])('%s', (url, canonical) => {
    expect(canonicalUrl(url)).toBe(canonical);
  });

  it("leaves out an adapter's own signature parameters", () => {
    expect(canonicalUrl('https://h/p?_JWT=a&v=1', ['_jwt'])).toBe('https://h/p?v=1');
  });

  it.each(['', 'media.example/v.mp4', '/v.mp4', 'https://', 'https:///v.mp4', 'https://user@/v.mp4', 'https://:443/v.mp4'])('refuses "%s"', (url) => {
    expect(() => canonicalUrl(url)).toThrow(expect.objectContaining({ code: 'INVALID_URL', category: 'invalid' }));
  });

  it('is the same however often it is applied and however the link is signed', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.nat(), (url, signature) => {
        const canonical = canonicalUrl(url);
        expect(canonicalUrl(canonical)).toBe(canonical);
        const [base, fragment] = url.split('#') as [string, string | undefined];
        const signed = `${base}${base.includes('?') ? '&' : '?'}X-Amz-Signature=${signature}${fragment === undefined ? '' : `#${fragment}`}`;
        expect(canonicalUrl(signed)).toBe(canonical);
      }),
      parameters(),
    );
  });
});

describe('originKeys', () => {
  it('lists the strongest first', () => {
    expect(originKeys({ id: '123', idType: 'video', uri: 'gs://b/o', url: 'https://H/v.mp4?sig=1' })).toEqual([
      'id:video:123',
      'uri:gs://b/o',
      'url:https://h/v.mp4',
    ]);
    expect(originKeys({ url: 'https://h/v.mp4?token=1&v=2' }, ['token'])).toEqual(['url:https://h/v.mp4?v=2']);
  });

  it('refuses forms that identify nothing', () => {
    expect(() => originKeys({ inline: 'https://h/v.mp4' })).toThrow(expect.objectContaining({ code: 'ORIGIN_FORMS_REQUIRED' }));
  });
});

describe('derived ids', () => {
  const identity = { owner: 'dev', providerId: 'pixverse', accountId: 'pixverse-main', originKey: 'id:video:123', life: 1 };
  const assetId = '942b702a-7a12-5131-a5f3-6ce640c0eedf';
  const routeId = '0fadad84-3532-5019-87c8-b3d523ad165f';
  const route = { assetId, providerId: 'sora', accountId: 'sora-main', variant: 'character' };

  it('are what they were when the first stream was written', () => {
    expect(assetIdOf(identity)).toBe(assetId);
    expect(assetIdOf({ ...identity, life: 2 })).toBe('a614fe27-694f-5229-a1fd-3325bcbedd6e');
    expect(routeIdOf(route)).toBe(routeId);
    expect(transferIdOf(routeId, 3)).toBe(`${routeId}-3`);
    expect(downloadIdOf(assetId, 1)).toBe(`${assetId}-1`);
  });

  it('differ where any part differs, also where parts only shift', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 5, maxLength: 5 }), fc.array(fc.string(), { minLength: 5, maxLength: 5 }), (a, b) => {
        const idOf = ([owner, providerId, accountId, originKey, life]: string[]) =>
          assetIdOf({ owner, providerId, accountId, originKey, life: life!.length } as typeof identity);
        const equal = a.slice(0, 4).join() === b.slice(0, 4).join() && a.slice(0, 4).every((part, i) => part === b[i]) && a[4]!.length === b[4]!.length;
        expect(idOf(a) === idOf(b)).toBe(equal);
        expect(idOf(a)).toMatch(UUID_PATTERN);
      }),
      parameters(),
    );
    expect(assetIdOf({ ...identity, owner: 'de', providerId: 'vpixverse' })).not.toBe(assetId);
    expect(routeIdOf({ ...route, accountId: 'sora-mainc', variant: 'haracter' })).not.toBe(routeId);
  });
});

describe('parseRunId', () => {
  it('finds the stream and the run in an id', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1, max: 999_999_999 }), (subjectId, run) => {
        expect(parseRunId(transferIdOf(subjectId, run))).toEqual({ subjectId, run });
        expect(downloadIdOf(subjectId, run)).toMatch(RUN_ID_PATTERN);
      }),
      parameters(),
    );
  });

  it.each([
    '',
    '942b702a-7a12-5131-a5f3-6ce640c0eedf',
    '942b702a-7a12-5131-a5f3-6ce640c0eedf-0',
    '942b702a-7a12-5131-a5f3-6ce640c0eedf-01',
    '942b702a-7a12-5131-a5f3-6ce640c0eedf--1',
    '942b702a-7a12-5131-a5f3-6ce640c0eedf-1\n',
    '942B702A-7A12-5131-A5F3-6CE640C0EEDF-1',
    'x942b702a-7a12-5131-a5f3-6ce640c0eedf-1',
    '942b702a-7a12-5131-a5f3-6ce640c0eedf-1000000000',
  ])('knows that %j is none', (id) => {
    expect(parseRunId(id)).toBeUndefined();
  });
});
