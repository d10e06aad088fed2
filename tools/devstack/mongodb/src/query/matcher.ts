import { BSONRegExp } from 'bson';
import { type Doc, isDoc, type Value } from '../bson/values';
import { badValue, notSupported } from '../errors';
import { compileExpression, type Environment } from '../expressions/expression';
import { type Condition, every, type Match, not, whole } from './condition';
import {
  among,
  containsAll,
  equalTo,
  exists,
  hasSize,
  hasType,
  isOrder,
  isTruthy,
  matchesRegex,
  modulo,
  ordered,
} from './operators';
import { splitPath } from './paths';
import { fromBson, regexOperator } from './regex';

export type { Match, MatchScope } from './condition';

const LOGICAL = new Set(['$and', '$or', '$nor']);
/** Operators of MongoDB that are refused by name; all others are unknown. */
const REFUSED = new Set([
  '$where', '$text', '$near', '$nearSphere', '$geoWithin', '$geoIntersects', '$jsonSchema',
  '$bitsAllSet', '$bitsAllClear', '$bitsAnySet', '$bitsAnyClear', '$sampleRate',
]);

/** Compiles a query filter. Throws BadValue (2) for what it cannot read. `variables` are the names `$expr` may use. */
export function compileFilter(filter: Doc, variables: Iterable<string> = []): Match {
  const names = new Set(variables);
  return all([...filter].map(([name, operand]) => compileEntry(name, operand, names)));
}

function all(matches: Match[]): Match {
  const [first] = matches;
  if (first && matches.length === 1) return first;
  return (document, scope) => matches.every((match) => match(document, scope));
}

function compileEntry(name: string, operand: Value, names: Set<string>): Match {
  if (!name.startsWith('$')) return onPath(name, compileField(operand, names));
  if (LOGICAL.has(name)) return compileLogical(name, operand, names);
  if (name === '$comment') return () => true;
  if (name === '$expr') {
    const expression = compileExpression(operand, names);
    return (document, { environment }) => isTruthy(expression(document, environment));
  }
  if (REFUSED.has(name)) throw notSupported(`The query operator ${name}`);
  throw badValue(
    `unknown top level operator: ${name}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`,
  );
}

function onPath(path: string, condition: Condition): Match {
  const names = splitPath(path);
  return (document, scope) => condition.onPath(document, names, scope);
}

function compileLogical(name: string, operand: Value, names: Set<string>): Match {
  if (!Array.isArray(operand) || operand.length === 0) throw badValue(`${name} must be a nonempty array`);
  const branches = operand.map((branch) => {
    if (!isDoc(branch)) throw badValue(`${name} argument's entries must be objects`);
    return compileFilter(branch, names);
  });
  if (name === '$and') return all(branches);
  if (name === '$or') return (document, scope) => branches.some((branch) => branch(document, scope));
  return (document, { environment }) => !branches.some((branch) => branch(document, { environment }));
}

export const isOperatorDoc = (value: Value): boolean => isDoc(value) && ([...value.keys()][0]?.startsWith('$') ?? false);

/** The condition that a field's operand means: operators, a regular expression, or equality. */
export function compileField(operand: Value, names: Set<string>): Condition {
  if (operand instanceof BSONRegExp) return matchesRegex(fromBson(operand), operand);
  if (!isDoc(operand) || !isOperatorDoc(operand)) return equalTo(operand);
  const conditions: Condition[] = [];
  for (const [operator, value] of operand) {
    if (operator === '$options') {
      if (!operand.has('$regex')) throw badValue('$options needs a $regex');
    } else if (operator === '$regex') {
      conditions.push(matchesRegex(regexOperator(value, operand.get('$options'))));
    } else {
      conditions.push(compileOperator(operator, value, names));
    }
  }
  const [only] = conditions;
  return only && conditions.length === 1 ? only : every(conditions);
}

function compileOperator(operator: string, operand: Value, names: Set<string>): Condition {
  if (isOrder(operator)) return ordered(operator, operand);
  switch (operator) {
    case '$eq':
      return equalTo(operand);
    case '$ne':
      if (operand instanceof BSONRegExp) throw badValue("Can't have regex as arg to $ne.");
      return not(equalTo(operand));
    case '$in':
      return among(operand);
    case '$nin':
      return not(among(operand));
    case '$not':
      return compileNot(operand, names);
    case '$exists':
      return exists(operand);
    case '$type':
      return hasType(operand);
    case '$size':
      return hasSize(operand);
    case '$mod':
      return modulo(operand);
    case '$all':
      return containsAll(operand, (value) => elementMatch(value, names));
    case '$elemMatch':
      return elementMatch(operand, names);
    default:
      if (REFUSED.has(operator)) throw notSupported(`The query operator ${operator}`);
      throw badValue(`unknown operator: ${operator}`);
  }
}

function compileNot(operand: Value, names: Set<string>): Condition {
  if (!(operand instanceof BSONRegExp) && !isDoc(operand)) throw badValue('$not needs a regex or a document');
  if (isDoc(operand) && operand.size === 0) throw badValue('$not cannot be empty');
  if (isDoc(operand) && !isOperatorDoc(operand)) throw badValue(`unknown operator: ${[...operand.keys()][0] ?? ''}`);
  return not(compileField(operand, names));
}

function elementMatch(operand: Value, names: Set<string>): Condition {
  if (!isDoc(operand)) throw badValue('$elemMatch needs an Object');
  const test = compileElement(operand, names);
  return whole((value, { environment }, found) => {
    if (!Array.isArray(value)) return false;
    const index = value.findIndex((item) => test(item, environment));
    if (index < 0) return false;
    found(index);
    return true;
  });
}

/** A test of one array element: by operators (`{ $gt: 5 }`) or, for documents, by a filter (`{ a: 5 }`). */
export function compileElement(operand: Doc, names: Set<string>): (item: Value, environment: Environment) => boolean {
  const [first] = operand.keys();
  if (first !== undefined && isOperatorDoc(operand) && !LOGICAL.has(first) && first !== '$expr') {
    const condition = compileField(operand, names);
    return (item, environment) => condition.onValue(item, { environment });
  }
  const match = compileFilter(operand, names);
  return (item, environment) => isDoc(item) && match(item, { environment });
}
