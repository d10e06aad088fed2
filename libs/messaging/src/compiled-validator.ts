import { getMetadataStorage, IS_NOT_EMPTY, IS_STRING, MATCHES, MAX_LENGTH, ValidationTypes, type ValidationArguments } from 'class-validator';
import 'reflect-metadata';
import { validated } from './validation';

type Fields = Record<string, unknown>;
type Rule = (value: unknown, object: Fields) => boolean;

interface FieldRules {
  readonly name: string;
  /** Every object has something of that name. */
  readonly isInherited: boolean;
  /** All true, or the field is not looked at: an optional one that is absent. */
  readonly applies: readonly Rule[];
  readonly holds: readonly Rule[];
  /** For a field that is an object of a class. */
  readonly nested?: (value: unknown) => object | undefined;
}

/** What `getTargetValidationMetadatas` gives, as far as it is used. */
type RuleMetadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

const cannot = (type: new () => object, field: string, what: string): Error => new Error(`${type.name}.${field}: ${what} cannot be compiled to a validator.`);

/** The rules that nearly every field has, as class-validator has them, without the ways to them. */
const plainRule = ({ name, constraints }: RuleMetadata, whole: Rule): Rule => {
  const [first, second] = (constraints ?? []) as unknown[];
  if (name === IS_STRING) return (value) => typeof value === 'string';
  if (name === IS_NOT_EMPTY) return (value) => value !== '' && value !== null && value !== undefined;
  if (name === MATCHES && first instanceof RegExp && !first.global && !first.sticky && second === undefined) return (value) => typeof value === 'string' && first.test(value);
  // Characters of two code units count once: what is short enough without that is short enough.
  if (name === MAX_LENGTH) return (value, object) => (typeof value === 'string' && value.length <= (first as number)) || whole(value, object);
  return whole;
};

const customRules = (type: new () => object, metadata: RuleMetadata): Rule[] => {
  const { propertyName: property, constraints, each, validateIf } = metadata;
  if (each || validateIf) throw cannot(type, property, 'a rule for each element, or a conditional one,');
  return getMetadataStorage()
    .getTargetValidatorConstraints(metadata.constraintCls)
    .map(({ instance, async }) => {
      if (async) throw cannot(type, property, 'an asynchronous rule');
      return plainRule(metadata, (value, object) => {
        const told: ValidationArguments = { targetName: type.name, property, object, value, constraints };
        return instance.validate(value, told) === true;
      });
    });
};

const nestedRules = (type: new () => object, field: string): ((value: unknown) => object | undefined) => {
  const nested = Reflect.getMetadata('design:type', type.prototype as object, field) as (new () => object) | undefined;
  if (!nested || (nested as unknown) === Object || (nested as unknown) === Array) throw cannot(type, field, 'a nested value without a class');
  return fieldsOf(nested);
};

const rulesOf = (type: new () => object, name: string, metadatas: readonly RuleMetadata[]): FieldRules => {
  const of = (kind: string) => metadatas.filter((metadata) => metadata.type === kind);
  const known: readonly string[] = [ValidationTypes.CUSTOM_VALIDATION, ValidationTypes.NESTED_VALIDATION, ValidationTypes.CONDITIONAL_VALIDATION];
  const unknown = metadatas.find((metadata) => !known.includes(metadata.type));
  if (unknown) throw cannot(type, name, `the rule ${unknown.type}`);
  const nests = of(ValidationTypes.NESTED_VALIDATION).length > 0;
  return {
    name,
    isInherited: name in Object.prototype,
    applies: of(ValidationTypes.CONDITIONAL_VALIDATION).map(({ constraints }) => (value, object) => Boolean((constraints[0] as (o: object, v: unknown) => boolean)(object, value))),
    holds: of(ValidationTypes.CUSTOM_VALIDATION).flatMap((metadata) => customRules(type, metadata)),
    ...(nests ? { nested: nestedRules(type, name) } : {}),
  };
};

const isPlain = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const holdsAll = (rules: readonly Rule[], value: unknown, object: Fields): boolean => {
  for (const rule of rules) if (!rule(value, object)) return false;
  return true;
};

/** The class's own fields of the value where all rules hold, else undefined. */
const fieldsOf = (type: new () => object): ((value: unknown) => object | undefined) => {
  const storage = getMetadataStorage();
  const grouped = storage.groupByPropertyName(storage.getTargetValidationMetadatas(type, '', false, false));
  const fields = Object.entries(grouped).map(([name, metadatas]) => rulesOf(type, name, metadatas));
  if (!fields.length) throw new Error(`${type.name} has no rules.`);
  return (given) => {
    if (!isPlain(given)) return undefined;
    const object = Object.create(type.prototype as object) as Fields;
    for (const { name, isInherited, applies, holds, nested } of fields) {
      if (isInherited && !Object.hasOwn(given, name)) return undefined; // let the whole rules look at it
      let value = given[name];
      if (holdsAll(applies, value, given)) {
        if (!holdsAll(holds, value, given)) return undefined;
        if (nested) {
          const inner = nested(value);
          if (!inner) return undefined;
          value = inner;
        }
      }
      if (value !== undefined) object[name] = value;
    }
    return object;
  };
};

/**
 * `validated` for one class of requests as a closure, made once from the class's rules: what passes is answered without
 * class-transformer and without building errors; what does not, or is in doubt, is left to `validated`, so that refusals read alike.
 * For data that came as JSON. Rules that cannot be compiled (for each element, asynchronous, groups) are an error when it is made.
 */
export const compileValidator = <T extends object>(type: new () => T): ((data: unknown) => T) => {
  const accepts = acceptor(type);
  return (data) => accepts(data) ?? validated(type, data);
};

/** The fast half alone: undefined where it does not accept. */
export const acceptor = <T extends object>(type: new () => T): ((data: unknown) => T | undefined) => fieldsOf(type) as (data: unknown) => T | undefined;
