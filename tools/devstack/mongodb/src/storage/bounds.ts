import { BSONRegExp, MaxKey, MinKey } from 'bson';
import { encodeKey, keyText, successor } from '../bson/key';
import { isIndex, splitPath } from '../query/paths';
import { type Doc, isDoc, isOperatorDoc, type Maybe, TYPE_CLASSES, typeClass, type Value } from '../bson/values';

/** An interval of encoded values of one field, ascending, or of their beginnings: all that starts with `to` is inside. */
export interface Interval {
  from: Buffer;
  to: Buffer;
}

export interface FieldBounds {
  /** Disjoint and ascending. */
  intervals: Interval[];
  /** Whether each interval is one value. */
  points: boolean;
}

export interface FieldCondition {
  operator: string;
  operand: Value;
}

/** In place of a path: a condition that is not on one field. */
const ELSEWHERE = '$';

/** The conditions on fields that every match of the filter meets, by path. */
export function conditionsOf(filter: Doc): Map<string, FieldCondition[]> {
  const found = new Map<string, FieldCondition[]>();
  const add = (path: string, operator: string, operand: Value) => {
    const list = found.get(path) ?? [];
    list.push({ operator, operand });
    found.set(path, list);
  };
  const visit = (branch: Doc): void => {
    for (const [name, operand] of branch) {
      if (name === '$and' && Array.isArray(operand)) for (const inner of operand.filter(isDoc)) visit(inner);
      else if (name.startsWith('$')) add(ELSEWHERE, name, operand);
      else if (isDoc(operand) && isOperatorDoc(operand)) for (const [operator, value] of operand) add(name, operator, value);
      else add(name, '$eq', operand);
    }
  };
  visit(filter);
  return found;
}

/** Whether each field has one condition, and a key with its value is all that it asks for. */
export function isExact(conditions: Map<string, FieldCondition[]>): boolean {
  for (const [path, [condition, ...others]] of conditions) {
    if (path === ELSEWHERE || !condition || others.length > 0) return false;
    const { operator, operand } = condition;
    if (operator === '$in' && Array.isArray(operand)) {
      if (!operand.every((value) => isExactValue(value))) return false;
    } else if (operator !== '$eq' || !isPlain(operand) || operand === null) {
      return false;
    }
  }
  return true;
}

/** A value that stands for equality with itself, and that no missing field and no array equals. */
export const isExactValue = (value: Value): boolean => isPlain(value) && value !== null && !isOperatorDoc(value);

/** The intervals of the keys that can meet the conditions; the matcher still looks at each document. */
export function boundsOf(path: string, conditions: FieldCondition[], multikey: boolean): FieldBounds | undefined {
  const hasOptions = conditions.some(({ operator }) => operator === '$options');
  const hasPlace = splitPath(path).slice(1).some(isIndex);
  const plain = conditions.filter((condition) => !(hasOptions && condition.operator === '$regex') && !(hasPlace && asksForNull(condition)));
  const each = plain.flatMap((condition) => boundsOfOne(condition) ?? []);
  const points = each.find((bounds) => bounds.points);
  // An array may meet one condition with one element and the next with another: only one of them bounds its keys.
  const several = each.find(({ intervals }) => intervals.length > 1);
  if (points || several || multikey) return points ?? several ?? each[0];
  return each.length === 0 ? undefined : { points: false, intervals: each.flatMap(({ intervals }) => intervals).reduce(intersect, []) };
}

/** A place in an array is also the name of a field, which its other elements have not: no key tells of that. */
const asksForNull = ({ operator, operand }: FieldCondition): boolean =>
  operand === null || (operator === '$in' && Array.isArray(operand) && operand.includes(null));

function intersect(all: Interval[], next: Interval): Interval[] {
  const [current] = all;
  if (!current) return [next];
  const from = Buffer.compare(current.from, next.from) >= 0 ? current.from : next.from;
  const to = Buffer.compare(successor(current.to), successor(next.to)) <= 0 ? current.to : next.to;
  return [{ from, to }];
}

function boundsOfOne({ operator, operand }: FieldCondition): FieldBounds | undefined {
  switch (operator) {
    case '$eq':
      return operand instanceof BSONRegExp ? prefixOf(operand.pattern, operand.options, operand) : pointsOf([operand]);
    case '$regex':
      if (operand instanceof BSONRegExp) return prefixOf(operand.pattern, operand.options, operand);
      return typeof operand === 'string' ? prefixOf(operand, '', new BSONRegExp(operand)) : undefined;
    case '$in':
      return Array.isArray(operand) ? pointsOf(operand) : undefined;
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return rangeOf(operator, operand);
    default:
      return undefined;
  }
}

/** Equality with null also means missing, and with an array also one of its elements being that array. */
const isPlain = (value: Maybe): value is Value =>
  value !== undefined && !Array.isArray(value) && !(value instanceof BSONRegExp);

const pointOf = (key: Buffer): Interval => ({ from: key, to: key });

function pointsOf(values: Value[]): FieldBounds | undefined {
  if (!values.every(isPlain)) return undefined;
  if (values.length === 1) return { points: true, intervals: values.map((value) => pointOf(encodeKey(value))) };
  const keys = new Set(values.map(keyText));
  return { points: true, intervals: [...keys].sort().map((text) => pointOf(Buffer.from(text, 'latin1'))) };
}

function rangeOf(operator: string, operand: Value): FieldBounds | undefined {
  if (!isPlain(operand) || operand === null || operand instanceof MinKey || operand instanceof MaxKey) return undefined;
  const type = Buffer.from([typeClass(operand)]);
  const key = encodeKey(operand);
  const interval = operator.startsWith('$g') ? { from: key, to: type } : { from: type, to: key };
  return { points: false, intervals: [interval] };
}

/** Plain characters after `^`, but for one that a quantifier follows. */
const PREFIX = /^\^([\w \-:/@#,;=&%~"'<>!]+)(?![*?{\w])/;

/** The strings that start as the expression does; an expression also equals itself. */
function prefixOf(pattern: string, options: string, literal: BSONRegExp): FieldBounds | undefined {
  const prefix = options === '' && !pattern.includes('|') ? PREFIX.exec(pattern)?.[1] : undefined;
  if (prefix === undefined) return undefined;
  const strings = pointOf(Buffer.concat([Buffer.from([TYPE_CLASSES.string]), Buffer.from(prefix)]));
  return { points: false, intervals: [strings, pointOf(encodeKey(literal))] };
}
