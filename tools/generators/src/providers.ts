import type { ProviderCapabilities, VariantLimits } from '@ferry/contracts';
import { join } from 'node:path';
import { code, page, table } from './markdown';
import { find, ROOT } from './sources';

const INTRODUCTION = `What each adapter says of its vendor. The same is answered by \`GET /v1/providers\`. Sizes in bytes, times in seconds; where a
limit is not named, none is known.`;

const list = (values: readonly string[] | undefined): string => (values ?? []).map(code).join(', ');

const range = (name: string, least: number | undefined, most: number | undefined): string[] => {
  if (least === undefined && most === undefined) return [];
  if (least === undefined) return [`${name} up to ${most}`];
  return most === undefined ? [`${name} from ${least}`] : [`${name} from ${least} to ${most}`];
};

const limitsOf = ({ maxBytes, maxWidth, maxHeight, sizes, aspectRatios, minDurationSeconds, maxDurationSeconds }: VariantLimits): string =>
  [
    ...range('bytes', undefined, maxBytes),
    ...range('width', undefined, maxWidth),
    ...range('height', undefined, maxHeight),
    ...range('seconds', minDurationSeconds, maxDurationSeconds),
    ...(sizes ? [`sizes ${sizes.join(', ')}`] : []),
    ...(aspectRatios ? [`aspect ratios ${aspectRatios.join(', ')}`] : []),
  ].join('; ') || 'none known';

const variantRows = ({ variants }: ProviderCapabilities): string[][] =>
  variants.flatMap(({ variant, kinds, uses, limits, assumedLifetimeSeconds }) =>
    kinds.map((kind) => [
      code(variant),
      kind,
      list(uses),
      list(limits[kind]?.mimeTypes),
      limits[kind] ? limitsOf(limits[kind]) : 'none known',
      assumedLifetimeSeconds === undefined ? 'no known end' : String(assumedLifetimeSeconds),
    ]),
  );

const UNITS = { concurrency: 'at a time', requestsPerSecond: 'a second', bytesPerSecond: 'bytes a second' } as const;

const callLimits = ({ rateLimits = {} }: ProviderCapabilities): string[] =>
  Object.entries(rateLimits).map(([operation, limits]) => {
    const named = (Object.keys(UNITS) as (keyof typeof UNITS)[]).filter((name) => limits[name] !== undefined);
    return `${operation}s ${named.map((name) => `${limits[name]} ${UNITS[name]}`).join(', ')}`;
  });

const section = (capabilities: ProviderCapabilities): string => {
  const { providerId, displayName, nativeUses, originIdTypes, assumedOriginLifetimeSeconds, safetyMarginSeconds, sunset } = capabilities;
  const natives = Object.entries(nativeUses).map(([kind, uses]) => `${kind}: ${list(uses)}`);
  const facts = [
    `Ids of origins (\`idType\`): ${list(originIdTypes)}.`,
    `What was born here is used here by its own id as ${natives.join('; ')}.`,
    assumedOriginLifetimeSeconds === undefined
      ? 'An origin whose end is not told is taken not to end.'
      : `An origin whose end is not told is assumed to live ${assumedOriginLifetimeSeconds} s after its registration.`,
    `A reference is handed out by default while it lives ${safetyMarginSeconds} s more.`,
    `An account may be asked for: ${callLimits(capabilities).join('; ') || 'as much as it takes'}.`,
  ];
  return [
    `## ${displayName} (${code(providerId)})`,
    ...(sunset ? [`**Ended ${sunset.date}.** ${sunset.note}`] : []),
    facts.map((fact) => `- ${fact}`).join('\n'),
    table(['variant', 'kind', 'uses', 'types', 'limits', 'assumed life of a reference'], variantRows(capabilities)),
  ].join('\n\n');
};

/** Every adapter's capabilities, from its own file. */
export const providersPage = async (): Promise<string> => {
  const modules = await Promise.all(find('apps/provider-*/src/*.capabilities.ts').map((file) => import(join(ROOT, file)) as Promise<object>));
  const providers = modules.map((module) => {
    const capabilities = Object.values(module).find((value): value is ProviderCapabilities => typeof value === 'object' && value !== null && 'variants' in value);
    if (!capabilities) throw new Error('A capabilities file exports no capabilities.');
    return capabilities;
  });
  return page('Providers', INTRODUCTION, ...providers.map(section));
};
