import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage } from 'class-validator';
import type { Type } from '@nestjs/common';

type Rule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];
type Facts = Record<string, unknown>;

const source = (pattern: unknown): string => (pattern as RegExp).source;

/** What a rule of class-validator says in JSON Schema. A rule without a word there is not told. */
const FACTS_OF: Readonly<Record<string, (constraints: readonly unknown[]) => Facts>> = {
  isString: () => ({ type: 'string' }),
  isNotEmpty: () => ({ minLength: 1 }),
  maxLength: ([max]) => ({ maxLength: max }),
  matches: ([pattern]) => ({ type: 'string', pattern: source(pattern) }),
  isUrl: () => ({ type: 'string', format: 'uri' }),
  isIso8601: () => ({ type: 'string', format: 'date-time' }),
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  isPositive: () => ({ minimum: 1 }),
  min: ([min]) => ({ minimum: min }),
  max: ([max]) => ({ maximum: max }),
  isIn: ([values]) => ({ type: 'string', enum: values }),
  isArray: () => ({ isArray: true }),
  arrayMaxSize: ([max]) => ({ maxItems: max }),
};

const rulesOf = (type: Type): Rule[] => getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);

export const isDescribable = (type: unknown): type is Type<object> => typeof type === 'function' && rulesOf(type as Type).length > 0;

/** Tells swagger of a DTO class, and of those in it, what class-validator knows already. */
export const describe = (type: Type<object>, known = new Set<Type>()): void => {
  if (known.has(type)) return;
  known.add(type);
  const rules = rulesOf(type);
  for (const property of new Set(rules.map(({ propertyName }) => propertyName))) {
    const own = rules.filter(({ propertyName }) => propertyName === property);
    const nested = own.some(({ type: kind }) => kind === 'nestedValidation') ? nestedType(type, property) : undefined;
    if (nested) describe(nested, known);
    ApiProperty(optionsOf(type, property, own, nested))(type.prototype as object, property);
  }
};

const optionsOf = (type: Type<object>, property: string, rules: readonly Rule[], nested: Type<object> | undefined): ApiPropertyOptions => {
  const facts: Facts = {};
  for (const { name, constraints } of rules) Object.assign(facts, FACTS_OF[name ?? '']?.(constraints ?? []));
  const fallback = (new type() as Facts)[property];
  return {
    ...facts,
    ...(nested ? { type: () => nested } : {}),
    ...(fallback === undefined ? {} : { default: fallback }),
    required: fallback === undefined && !rules.some(({ type: kind }) => kind === 'conditionalValidation'),
  } as ApiPropertyOptions;
};

/** The class that class-transformer makes of the property, or of each of its entries. */
const nestedType = (type: Type<object>, property: string): Type<object> | undefined => {
  const made = plainToInstance(type, { [property]: [{}] }) as Record<string, object[]>;
  const inner = made[property]?.[0]?.constructor;
  return inner && inner !== Object ? (inner as Type<object>) : undefined;
};
