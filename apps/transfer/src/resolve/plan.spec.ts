import type { VariantCapabilities, VariantLimits } from '@ferry/contracts';
import type { MediaFacts } from '@ferry/kernel';
import { rounds, seed } from '@ferry/testing/specs';
import * as fc from 'fast-check';
import { targetLimits } from '../engine/target-limits';
import { missingFacts } from './limits';
import { cutThrough } from './plan.service';

/** Facts that every limit below takes. */
const WHOLE: MediaFacts = { mimeType: 'video/mp4', sizeBytes: 10, width: 16, height: 9, durationSeconds: 1 };

const limits: fc.Arbitrary<VariantLimits> = fc.record(
  {
    mimeTypes: fc.constant(['video/mp4']),
    maxBytes: fc.constant(100),
    maxWidth: fc.constant(100),
    maxHeight: fc.constant(100),
    sizes: fc.constant(['16x9']),
    aspectRatios: fc.constant(['16:9']),
    minDurationSeconds: fc.constant(1),
    maxDurationSeconds: fc.constant(10),
  },
  { requiredKeys: ['mimeTypes'] },
);
const known = fc.subarray(Object.keys(WHOLE) as (keyof MediaFacts)[]);

const variantOf = (video: VariantLimits): VariantCapabilities => ({ variant: 'character', kinds: ['video'], uses: ['character'], limits: { video }, referenceIdType: 'character', returnsBytes: 'none' });
const only = (names: readonly (keyof MediaFacts)[]): MediaFacts => Object.fromEntries(names.map((name) => [name, WHOLE[name]]));

it('a plan calls a cut-through possible where the engine can decide before the end of the file, and misses what the engine waits for', () => {
  fc.assert(
    fc.property(limits, known, (video, names) => {
      const variant = variantOf(video);
      const facts = only(names);
      const missing = missingFacts(variant, 'video', facts);
      const engine = targetLimits(variant, 'video');
      expect(missing.length === 0).toBe(engine.decided(facts));
      // What a file tells before its end, in the worst case: all but the duration.
      const { durationSeconds: _, ...atStart } = WHOLE;
      expect(cutThrough(missing, false, { facts }).possible).toBe(engine.decided({ ...atStart, ...facts }));
    }),
    { seed: seed(), numRuns: rounds(200) },
  );
});
