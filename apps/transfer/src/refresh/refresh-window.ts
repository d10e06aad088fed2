import type { ProviderCapabilities, VariantCapabilities } from '@ferry/contracts';
import type { RouteReference } from '@ferry/domain/transfer';
import { expiryOf } from '../resolve/decision';

/** When a reference is renewed. Milliseconds since 1970. */
export interface RefreshWindow {
  /** A use from here on says that the reference is in use. */
  readonly usedSince: number;
  readonly opensAt: number;
  /** From here on a resolve would wait for a new one. */
  readonly closesAt: number;
}

/** Undefined where the reference has no end that is known or assumed. */
export const refreshWindow = (
  reference: RouteReference,
  variant: VariantCapabilities,
  { safetyMarginSeconds }: Pick<ProviderCapabilities, 'safetyMarginSeconds'>,
  share: number,
): RefreshWindow | undefined => {
  const expiresAt = expiryOf(reference, variant);
  if (expiresAt === undefined || reference.cachedAt === undefined || share <= 0) return undefined;
  const endsAt = Date.parse(expiresAt);
  const length = Math.max(0, endsAt - Date.parse(reference.cachedAt)) * share;
  const closesAt = endsAt - safetyMarginSeconds * 1_000;
  return { usedSince: closesAt - 2 * length, opensAt: closesAt - length, closesAt };
};
