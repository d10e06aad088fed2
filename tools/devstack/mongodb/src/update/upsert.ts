import { BSONRegExp } from 'bson';
import { clone, type Doc, isDoc, isOperatorDoc, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { targetAt } from './targets';

/** The fields that a filter fixes by equality: what an upsert starts from. */
export function seedFromFilter(filter: Doc): Doc {
  const seed: Doc = new Map();
  const paths = new Set<string>();
  collect(filter, (path, value) => {
    for (const other of paths) {
      if (other === path) throw new MongoError(54, `cannot infer query fields to set, path '${path}' is matched twice`);
      if (other.startsWith(`${path}.`) || path.startsWith(`${other}.`)) {
        throw new MongoError(54, `cannot infer query fields to set, both paths '${path}' and '${other}' are matched`);
      }
    }
    paths.add(path);
    targetAt(seed, path.split('.'), true).set(clone(value));
  });
  return seed;
}

function collect(filter: Doc, set: (path: string, value: Value) => void): void {
  for (const [path, operand] of filter) {
    if (path === '$expr') throw new MongoError(224, '$expr is not allowed in the query predicate for an upsert');
    if (path === '$and' && Array.isArray(operand)) {
      for (const branch of operand) if (isDoc(branch)) collect(branch, set);
    } else if (path === '$or' && Array.isArray(operand) && operand.length === 1) {
      for (const branch of operand) if (isDoc(branch)) collect(branch, set);
    } else if (!path.startsWith('$')) {
      const value = equalityOf(operand);
      if (value !== undefined) set(path, value);
    }
  }
}

function equalityOf(operand: Value): Value | undefined {
  if (operand instanceof BSONRegExp) return undefined;
  if (!isDoc(operand) || !isOperatorDoc(operand)) return operand;
  const list = operand.get('$all') ?? operand.get('$in');
  if (Array.isArray(list) && list.length === 1 && !(list[0] instanceof BSONRegExp || isOperatorDoc(list[0]))) return list[0];
  return operand.get('$eq');
}
