import { BSONRegExp } from 'bson';
import { toInteger } from '../bson/numbers';
import { type Doc, isDoc, isOperatorDoc, type Maybe, type Value } from '../bson/values';
import { badValue, failedToParse, notSupported } from '../errors';
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
import { bitTest, isBitTest } from './bits';
import { regexOperator } from './regex';

export type { Match, MatchScope } from './condition';

const LOGICAL = new Set(['$and', '$or', '$nor']);
/** Operators of MongoDB that are refused by name; all others are unknown. */
const REFUSED = new Set([
  '$where', '$text', '$near', '$nearSphere', '$geoNear', '$within', '$geoWithin', '$geoIntersects', '$jsonSchema', '$sampleRate',
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
  if (name === '$alwaysTrue' || name === '$alwaysFalse') return compileConstant(name, operand);
  if (name === '$expr') {
    const expression = compileExpression(operand, names);
    return (document, { environment }) => isTruthy(expression(document, environment));
  }
  if (REFUSED.has(name)) throw notSupported(`The query operator ${name}`);
  throw badValue(
    `unknown top level operator: ${name}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`,
  );
}

function compileConstant(name: string, operand: Value): Match {
  if (toInteger(operand) !== 1) throw failedToParse(`${name} must be an integer value of 1`);
  return () => name === '$alwaysTrue';
}

function onPath(path: string, condition: Condition): Match {
  const names = splitPath(path);
  return (document, scope) => condition.onPath(document, names, scope);
}

function compileLogical(name: string, operand: Value, names: Set<string>): Match {
  if (!Array.isArray(operand)) throw badValue(`${name} must be an array`);
  if (operand.length === 0) throw badValue('$and/$or/$nor must be a nonempty array');
  const branches = operand.map((branch) => {
    if (!isDoc(branch)) throw badValue('$or/$and/$nor entries need to be full objects');
    return compileFilter(branch, names);
  });
  if (name === '$and') return all(branches);
  if (name === '$or') return (document, scope) => branches.some((branch) => branch(document, scope));
  return (document, { environment }) => !branches.some((branch) => branch(document, { environment }));
}

/** The condition that a field's operand means: operators, a regular expression, or equality. */
export function compileField(operand: Value, names: Set<string>): Condition {
  if (operand instanceof BSONRegExp) return matchesRegex(operand);
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
  if (isBitTest(operator)) return bitTest(operator, operand);
  switch (operator) {
    case '$eq':
      return equalTo(operand);
    case '$ne':
      if (operand instanceof BSONRegExp) throw badValue("Can't have regex as arg to $ne.");
      return not(equalTo(operand));
    case '$in':
      return among(operand);
    case '$nin':
      return not(among(operand, '$nin'));
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

/**
 * A test of one array element: by operators (`{ $gt: 5 }`) or, for documents, by a filter (`{ a: 5 }`). An array counts as
 * a document whose names are the places of its elements.
 */
export function compileElement(operand: Doc, names: Set<string>): (item: Value, environment: Environment) => boolean {
  const [first] = operand.keys();
  if (first !== undefined && isOperatorDoc(operand) && !LOGICAL.has(first)) {
    const condition = compileField(operand, names);
    return (item, environment) => condition.onValue(item, { environment });
  }
  const match = compileFilter(operand, names);
  return (item, environment) => {
    const document = asDocument(item);
    return document !== undefined && match(document, { environment });
  };
}

function asDocument(value: Maybe): Doc | undefined {
  if (isDoc(value)) return value;
  return Array.isArray(value) ? new Map(value.map((item, index) => [String(index), item])) : undefined;
}
