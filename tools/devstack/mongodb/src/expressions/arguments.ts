import type { Doc, Maybe, Value } from '../bson/values';
import { isDoc } from '../bson/values';
import { MongoError } from '../errors';
import { ARGUMENT_CODES } from './argument-codes';
import type { CompileContext, Environment, Expression, OperatorCompiler } from './expression';

/** The arguments of an operator: an array, or a single value. Checks their number. */
export function argumentsOf(operand: Value, { compile }: CompileContext, name: string, least: number, most = least): Expression[] {
  const items = Array.isArray(operand) ? operand : [operand];
  if (items.length < least || items.length > most) {
    const wanted = least === most ? `exactly ${least}` : `at least ${least} and at most ${most}`;
    throw new MongoError(least === most ? 16020 : 28667, `Expression ${name} takes ${wanted} arguments. ${items.length} were passed in.`);
  }
  return items.map((item) => compile(item));
}

/** An operator whose arguments are all evaluated first. */
export const strict =
  (least: number, most: number, apply: (values: Maybe[], environment: Environment) => Maybe): OperatorCompiler =>
  (operand, context, name) => {
    const expressions = argumentsOf(operand, context, name, least, most);
    return (root, environment) => apply(expressions.map((expression) => expression(root, environment)), environment);
  };

export const unary = (apply: (value: Maybe) => Maybe): OperatorCompiler => strict(1, 1, ([value]) => apply(value));
export const binary = (apply: (a: Maybe, b: Maybe) => Maybe): OperatorCompiler => strict(2, 2, ([a, b]) => apply(a, b));

export const isNullish = (value: Maybe): value is null | undefined => value === undefined || value === null;

/** The named arguments of an operator such as `$filter`; unknown and absent ones are errors. */
export function namedArguments(operand: Value, name: string, required: string[], optional: string[] = []): Doc {
  const codes = ARGUMENT_CODES[name];
  if (!isDoc(operand)) throw new MongoError(codes?.notObject ?? 9, `${name} only supports an object as its argument`);
  for (const key of operand.keys()) {
    if (!required.includes(key) && !optional.includes(key)) throw new MongoError(codes?.unknown ?? 9, `Unrecognized argument to ${name}: ${key}`);
  }
  for (const key of required) if (!operand.has(key)) throw new MongoError(codes?.missing[key] ?? 9, `Missing '${key}' parameter to ${name}`);
  return operand;
}

/** The name of a variable that a user may define. Throws FailedToParse (9). */
export function variableName(name: Maybe): string {
  if (typeof name === 'string' && /^[a-z\u0080-\uffff][\w\u0080-\uffff]*$/.test(name)) return name;
  throw new MongoError(9, `'${String(name)}' starts with an invalid character for a user variable name`);
}

export const withVariable = (environment: Environment, name: string, value: Maybe): Environment => ({
  ...environment,
  variables: new Map(environment.variables).set(name, value),
});
