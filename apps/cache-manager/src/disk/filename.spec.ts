import { rounds, seed } from '@ferry/testing/specs';
import fc from 'fast-check';
import { safeFilename } from './filename';

describe('safeFilename', () => {
  it.each([
    ['harbour.mp4', 'harbour.mp4'],
    ['../../etc/passwd.mp4', 'passwd.mp4'],
    ['..\\..\\boot.mp4', 'boot.mp4'],
    ['...', 'asset.mp4'],
    ['', 'asset.mp4'],
    [undefined, 'asset.mp4'],
    ['/', 'asset.mp4'],
    ['.mp4', 'mp4.mp4'],
    ['no extension', 'no extension.mp4'],
    ['CON.mp4', '_CON.mp4'],
    ['CON .mp4', '_CON.mp4'],
    ['nul', '_nul.mp4'],
    ['lpt9.tar.mp4', '_lpt9.tar.mp4'],
    ['a\u0000b\u202ec\n.mp4', 'abc.mp4'],
    ['question?*<>|".mp4', 'question______.mp4'],
    ['夜の港 — Zürich 🌃.mov', '夜の港 — Zürich 🌃.mov'],
    ['half \ud83c.mp4', 'half.mp4'],
    [' . hidden .mp4', 'hidden.mp4'],
  ])('%j becomes %j', (name, expected) => {
    expect(safeFilename(name, 'video/mp4')).toBe(expected);
  });

  it('takes the extension from the type where the name has none', () => {
    expect(safeFilename(undefined, 'image/webp')).toBe('asset.webp');
    expect(safeFilename('x', 'application/unknown')).toBe('x.bin');
  });

  it('gives one safe path component for any name, and the same again for its own answer', () => {
    const part = fc.constantFrom('..', '/', '\\', '.', ' ', '\0', '\u202e', 'CON', 'nul.', 'é', '漢', '🌃', '\ud800', ':', 'a'.repeat(150), '.mp4', '.PNG');
    const name = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')));
    fc.assert(
      fc.property(name, (given) => {
        const safe = safeFilename(given, 'video/mp4');
        expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(200);
        expect(safe).toMatch(/^[^/\\<>:"|?*\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069]+\.[A-Za-z0-9]+$/u);
        expect(safe).not.toMatch(/^[. ]|[. ]$/);
        expect(safe).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i);
        expect(safeFilename(safe, 'video/mp4')).toBe(safe);
      }),
      { numRuns: rounds(500), seed: seed() },
    );
  });
});
