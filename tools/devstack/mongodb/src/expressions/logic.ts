import { Int32 } from 'bson';
import { compare } from '../bson/compare';
import { type Doc, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { isTruthy } from '../query/operators';
import { argumentsOf, binary, isNullish, namedArguments, unary, variableName } from './arguments';
import { type CompileContext, type Expression, type OperatorCompiler, registerOperators } from './expression';

const comparison = (accepts: (order: number) => boolean): OperatorCompiler => binary((a, b) => accepts(compare(a, b)));

const compileAnd: OperatorCompiler = (operand, context, name) => {
  const parts = argumentsOf(operand, context, name, 0, Infinity);
  return (root, environment) => parts.every((part) => isTruthy(part(root, environment)));
};

const compileOr: OperatorCompiler = (operand, context, name) => {
  const parts = argumentsOf(operand, context, name, 0, Infinity);
  return (root, environment) => parts.some((part) => isTruthy(part(root, environment)));
};

const compileCondition: OperatorCompiler = (operand, context, name) => {
  const parts = isDoc(operand) ? conditionParts(operand, context) : argumentsOf(operand, context, name, 3);
  const [test, yes, no] = parts as [Expression, Expression, Expression];
  return (root, environment) => (isTruthy(test(root, environment)) ? yes(root, environment) : no(root, environment));
};

function conditionParts(operand: Doc, { compile }: CompileContext): Expression[] {
  namedArguments(operand, '$cond', ['if', 'then', 'else']);
  return ['if', 'then', 'else'].map((key) => compile(operand.get(key) ?? null));
}

const compileIfNull: OperatorCompiler = (operand, context) => {
  if (!Array.isArray(operand) || operand.length < 2) throw new MongoError(1257300, '$ifNull needs at least two arguments');
  const parts = operand.map((item) => context.compile(item));
  return (root, environment) => {
    let value: Maybe;
    for (const part of parts) {
      value = part(root, environment);
      if (!isNullish(value)) return value;
    }
    return value;
  };
};

const compileSwitch: OperatorCompiler = (operand, { compile }) => {
  const fields = namedArguments(operand, '$switch', ['branches'], ['default']);
  const list = fields.get('branches');
  if (!Array.isArray(list)) throw new MongoError(40061, `$switch expected an array for 'branches', found: ${typeName(list)}`);
  if (list.length === 0) throw new MongoError(40068, '$switch requires at least one branch');
  const branches = list.map((branch) => {
    const parts = namedArguments(branch, '$switch branch', ['case', 'then']);
    return { test: compile(parts.get('case') ?? null), then: compile(parts.get('then') ?? null) };
  });
  const otherwise = fields.has('default') ? compile(fields.get('default') ?? null) : undefined;
  return (root, environment) => {
    const branch = branches.find(({ test }) => isTruthy(test(root, environment)));
    if (branch) return branch.then(root, environment);
    if (!otherwise) throw new MongoError(40066, '$switch could not find a matching branch for an input, and no default was specified.');
    return otherwise(root, environment);
  };
};

const compileLet: OperatorCompiler = (operand, { compile, names }) => {
  const fields = namedArguments(operand, '$let', ['vars', 'in']);
  const vars = fields.get('vars') ?? null;
  if (!isDoc(vars)) throw new MongoError(10065, 'invalid parameter: expected an object (vars)');
  const variables = [...vars].map(([name, value]) => [variableName(name), compile(value)] as const);
  const body = compile(fields.get('in') ?? null, new Set([...names, ...vars.keys()]));
  return (root, environment) => {
    const inner = new Map(environment.variables);
    for (const [name, value] of variables) inner.set(name, value(root, environment));
    return body(root, { ...environment, variables: inner });
  };
};

registerOperators({
  $eq: comparison((order) => order === 0),
  $ne: comparison((order) => order !== 0),
  $gt: comparison((order) => order > 0),
  $gte: comparison((order) => order >= 0),
  $lt: comparison((order) => order < 0),
  $lte: comparison((order) => order <= 0),
  $cmp: binary((a, b) => new Int32(Math.sign(compare(a, b)))),
  $and: compileAnd,
  $or: compileOr,
  $not: unary((value) => !isTruthy(value)),
  $cond: compileCondition,
  $ifNull: compileIfNull,
  $switch: compileSwitch,
  $let: compileLet,
  $literal: (operand: Value) => () => operand,
  $const: (operand: Value) => () => operand,
});
