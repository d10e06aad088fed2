import type { ProviderCapabilities, VariantCapabilities, VariantLimits } from '@ferry/contracts';
import type { AssetUse, MediaFacts, MediaKind } from '@ferry/kernel';

/** One reason why a target cannot take a file. */
export interface Violation {
  readonly limit: string;
  readonly allowed: unknown;
  readonly actual: unknown;
  readonly message: string;
}

/** Pixels of a ratio may be off by rounding: 854x480 is 16:9. */
const RATIO_TOLERANCE = 0.01;

const ratioOf = (text: string): number => {
  const [width = 0, height = 1] = text.split(':').map(Number);
  return width / height;
};

const tooMuch = (limit: string, what: string, unit: string, allowed: number | undefined, actual: number | undefined): Violation[] =>
  allowed === undefined || actual === undefined || actual <= allowed
    ? []
    : [{ limit, allowed, actual, message: `The ${what} is ${actual} ${unit}; at most ${allowed} ${unit} are taken.` }];

const shape = (limits: VariantLimits, { width, height }: MediaFacts): Violation[] => {
  if (width === undefined || height === undefined) return [];
  const actual = `${width}x${height}`;
  const violations: Violation[] = [];
  if (limits.sizes && !limits.sizes.includes(actual)) {
    violations.push({ limit: 'sizes', allowed: limits.sizes, actual, message: `The size is ${actual}; only ${limits.sizes.join(', ')} are taken.` });
  }
  const ratios = limits.aspectRatios;
  if (ratios && !ratios.some((ratio) => Math.abs(width / height / ratioOf(ratio) - 1) <= RATIO_TOLERANCE)) {
    violations.push({ limit: 'aspectRatios', allowed: ratios, actual, message: `The size is ${actual}; only ${ratios.join(', ')} are taken.` });
  }
  return violations;
};

const ofLimits = (limits: VariantLimits, facts: MediaFacts): Violation[] => {
  const { mimeTypes, minDurationSeconds: min, maxDurationSeconds: max } = limits;
  const { mimeType, durationSeconds } = facts;
  const violations: Violation[] = [];
  if (mimeType !== undefined && !mimeTypes.includes(mimeType)) {
    violations.push({ limit: 'mimeTypes', allowed: mimeTypes, actual: mimeType, message: `${mimeType} is not taken; only ${mimeTypes.join(', ')}.` });
  }
  if (min !== undefined && durationSeconds !== undefined && durationSeconds < min) {
    const message = `The duration is ${durationSeconds} s; at least ${min} s are taken.`;
    violations.push({ limit: 'minDurationSeconds', allowed: min, actual: durationSeconds, message });
  }
  return [
    ...violations,
    ...tooMuch('maxDurationSeconds', 'duration', 's', max, durationSeconds),
    ...tooMuch('maxBytes', 'file', 'bytes', limits.maxBytes, facts.sizeBytes),
    ...tooMuch('maxWidth', 'width', 'pixels', limits.maxWidth, facts.width),
    ...tooMuch('maxHeight', 'height', 'pixels', limits.maxHeight, facts.height),
    ...shape(limits, facts),
  ];
};

/** Every reason, as far as the facts are known, why the variant cannot take the file; none where it can. */
export const violationsOf = ({ limits }: VariantCapabilities, kind: MediaKind, facts: MediaFacts): Violation[] => {
  const ofKind = limits[kind];
  return ofKind ? ofLimits(ofKind, facts) : [];
};

/** The facts that limits of the variant need and that are not known: the plan tells them, and the engine waits for them before a byte goes there. */
export const missingFacts = ({ limits }: VariantCapabilities, kind: MediaKind, facts: MediaFacts): (keyof MediaFacts)[] => {
  const ofKind = limits[kind];
  if (!ofKind) return [];
  const { maxBytes, maxWidth, maxHeight, sizes, aspectRatios, minDurationSeconds, maxDurationSeconds } = ofKind;
  const isShaped = [maxWidth, maxHeight, sizes, aspectRatios].some((limit) => limit !== undefined);
  const isTimed = minDurationSeconds !== undefined || maxDurationSeconds !== undefined;
  const needed: (keyof MediaFacts)[] = ['mimeType'];
  if (maxBytes !== undefined) needed.push('sizeBytes');
  if (isShaped) needed.push('width', 'height');
  if (isTimed) needed.push('durationSeconds');
  return needed.filter((fact) => facts[fact] === undefined);
};

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

const nothingTakes = ({ providerId, variants }: ProviderCapabilities, kind: MediaKind, use: AssetUse | undefined, { mimeType }: MediaFacts): Violation[] => {
  const violations: Violation[] = [];
  const kinds = unique(variants.flatMap((variant) => variant.kinds));
  const ofKind = variants.filter((variant) => variant.kinds.includes(kind));
  if (!ofKind.length) {
    violations.push({ limit: 'kinds', allowed: kinds, actual: kind, message: `${providerId} takes no ${kind}; only ${kinds.join(', ')}.` });
  }
  const types = unique(variants.flatMap(({ limits }) => Object.values(limits).flatMap(({ mimeTypes }) => mimeTypes)));
  if (mimeType !== undefined && !types.includes(mimeType)) {
    violations.push({ limit: 'mimeTypes', allowed: types, actual: mimeType, message: `${providerId} does not take ${mimeType}; only ${types.join(', ')}.` });
  }
  const uses = unique(ofKind.flatMap((variant) => variant.uses));
  if (use !== undefined && !uses.includes(use)) {
    const message = uses.length ? `A foreign ${kind} can be used there as ${uses.join(', ')}, not as ${use}.` : `No foreign ${kind} can be used there as ${use}.`;
    violations.push({ limit: 'uses', allowed: uses, actual: use, message });
  }
  return violations;
};

export type VariantChoice = { readonly variant: VariantCapabilities } | { readonly violations: readonly Violation[] };

/** The variant that serves the use, by default the first for the kind; or every reason why there is none. */
export const chooseVariant = (provider: ProviderCapabilities, kind: MediaKind, use: AssetUse | undefined, facts: MediaFacts): VariantChoice => {
  const variant = provider.variants.find(({ kinds, uses }) => kinds.includes(kind) && (use === undefined || uses.includes(use)));
  return variant ? { variant } : { violations: nothingTakes(provider, kind, use, facts) };
};
