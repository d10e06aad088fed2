import type { VariantCapabilities } from '@ferry/contracts';
import type { MediaFacts, MediaKind, Route } from '@ferry/kernel';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Injectable } from '@nestjs/common';
import { missingFacts, violationsOf, type Violation } from '../resolve/limits';

/** What a route's target takes, of a file of which all or a part is known. */
export interface TargetLimits {
  violations(facts: MediaFacts): readonly Violation[];
  /** The facts are enough to say whether the target takes the file. */
  decided(facts: MediaFacts): boolean;
}

@Injectable()
export class TargetLimitsOf {
  constructor(private readonly directory: ProviderDirectory) {}

  /** @throws FerryError PROVIDER_UNAVAILABLE */
  async route({ providerId, variant }: Route, kind: MediaKind): Promise<TargetLimits> {
    const { variants } = await this.directory.describe(providerId);
    return targetLimits(
      variants.find((candidate) => candidate.variant === variant && candidate.kinds.includes(kind)),
      kind,
    );
  }
}

export const targetLimits = (variant: VariantCapabilities | undefined, kind: MediaKind): TargetLimits => {
  const violations = (facts: MediaFacts): readonly Violation[] => (variant ? violationsOf(variant, kind, facts) : []);
  return { violations, decided: (facts) => violations(facts).length > 0 || (variant !== undefined && !missingFacts(variant, kind, facts).length) };
};
