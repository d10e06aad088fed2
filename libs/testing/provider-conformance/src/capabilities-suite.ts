import type { ConformanceSubject } from './subject';
import type { Rig } from './rig';

export const capabilitiesSuite = (subject: ConformanceSubject, rig: () => Rig): void => {
  describe('capabilities', () => {
    it('are of this provider and survive JSON', () => {
      const { capabilities } = rig().adapter;
      expect(capabilities.providerId).toBe(subject.providerId);
      expect(JSON.parse(JSON.stringify(capabilities))).toEqual(capabilities);
    });

    it('give every accepted kind a use and its limits', () => {
      for (const { kinds, uses, limits } of rig().adapter.capabilities.variants) {
        expect(uses.length).toBeGreaterThan(0);
        for (const kind of kinds) expect(limits[kind]!.mimeTypes.length).toBeGreaterThan(0);
      }
    });

    it('name every variant that the suite uploads, with its type', () => {
      for (const { variant, kind, mimeType, idType } of subject.uploads) {
        const found = rig().adapter.capabilities.variants.find((candidate) => candidate.variant === variant && candidate.kinds.includes(kind));
        expect(found).toMatchObject({ referenceIdType: idType });
        expect(found!.limits[kind]!.mimeTypes).toContain(mimeType);
      }
    });
  });
};
