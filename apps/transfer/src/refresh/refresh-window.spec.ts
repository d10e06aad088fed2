import type { VariantCapabilities } from '@ferry/contracts';
import { refreshWindow } from './refresh-window';

const variant = { variant: 'file', kinds: ['image'], uses: [], limits: {}, referenceIdType: 'file', returnsBytes: 'none' } as const satisfies VariantCapabilities;
const cachedAt = '2026-01-01T00:00:00.000Z';
const made = Date.parse(cachedAt);
const margin = { safetyMarginSeconds: 100 };
const reference = { referenceId: 'r-1', forms: { id: 'f' }, cachedAt };

describe('the window in which a reference is renewed', () => {
  it('is the last share of its life before the margin, and needs a use within twice that', () => {
    const window = refreshWindow({ ...reference, expiresAt: '2026-01-01T00:16:40.000Z' }, variant, margin, 0.1);
    expect(window).toEqual({ usedSince: made + 700_000, opensAt: made + 800_000, closesAt: made + 900_000 });
  });

  it('follows the assumed life where the vendor tells no end', () => {
    expect(refreshWindow(reference, { ...variant, assumedLifetimeSeconds: 1_000 }, margin, 0.1)?.closesAt).toBe(made + 900_000);
  });

  it('is none without an end, or where nothing is to be renewed', () => {
    expect(refreshWindow(reference, variant, margin, 0.1)).toBeUndefined();
    expect(refreshWindow({ ...reference, expiresAt: '2026-01-01T00:16:40.000Z' }, variant, margin, 0)).toBeUndefined();
  });
});
