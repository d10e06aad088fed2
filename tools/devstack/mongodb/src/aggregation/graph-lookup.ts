import { keyText } from '../bson/key';
import { toInteger } from '../bson/numbers';
import { type Doc, isDoc, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { compileExpression, getField } from '../expressions/expression';
import { compileFilter, type Match } from '../query/matcher';
import { splitPath } from '../query/paths';
import type { Collection } from '../storage/collection';
import { joined, withArray } from './lookup';
import { StageOptions } from './options';
import type { PipelineContext, StageCompiler } from './pipeline';

const OPTIONS = ['from', 'startWith', 'connectFromField', 'connectToField', 'as', 'maxDepth', 'depthField', 'restrictSearchWithMatch'];

/** Documents that one search may reach. */
const MAX_NODES = 500_000;

interface Search {
  connectFrom: string[];
  connectTo: string;
  maxDepth: number;
  depthField?: string;
  restrict?: Match;
}

/** Follows connections through a collection: per level one look-up in the index of `connectToField`. */
export const graphLookup: StageCompiler = (operand, names) => {
  const options = new StageOptions(operand, '$graphLookup', OPTIONS);
  const from = options.string('from');
  const as = splitPath(options.string('as'));
  const startWith = compileExpression(options.required('startWith'), names);
  const search = parseSearch(options);
  return function* looked(input, context) {
    const collection = context.collection(from);
    for (const document of input) {
      const start = startWith(document, context.environment);
      const values = Array.isArray(start) ? start : [start ?? null];
      yield withArray(document, as, collection ? reach(collection, values, search, context) : []);
    }
  };
};

function parseSearch(options: StageOptions): Search {
  const depth = options.get('maxDepth');
  const maxDepth = depth === undefined ? Infinity : toInteger(depth);
  if (maxDepth === undefined || maxDepth < 0) throw new MongoError(40101, "maxDepth requires a nonnegative argument");
  const restrict = options.get('restrictSearchWithMatch');
  if (restrict !== undefined && !isDoc(restrict)) throw new MongoError(40185, "restrictSearchWithMatch must be an object");
  return {
    connectFrom: splitPath(options.string('connectFromField')),
    connectTo: options.string('connectToField'),
    maxDepth,
    depthField: options.optionalString('depthField'),
    restrict: restrict && compileFilter(restrict),
  };
}

function reach(collection: Collection, start: Value[], search: Search, context: PipelineContext): Doc[] {
  const { connectFrom, connectTo, maxDepth, depthField, restrict } = search;
  const reached = new Map<string, Doc>();
  const asked = new Set<string>();
  let frontier = fresh(start, asked);
  for (let depth = 0; frontier.length > 0 && depth <= maxDepth; depth++) {
    const next: Value[] = [];
    for (const found of joined(collection, connectTo, frontier, context)) {
      const id = keyText(found.get('_id'));
      if (reached.has(id) || (restrict && !restrict(found, { environment: context.environment }))) continue;
      if (reached.size >= MAX_NODES) throw new MongoError(40099, `$graphLookup reached more than ${MAX_NODES} documents`);
      reached.set(id, depthField === undefined ? found : new Map(found).set(depthField, BigInt(depth)));
      const onward = getField(found, connectFrom, 0);
      if (onward !== undefined) next.push(...(Array.isArray(onward) ? onward : [onward]));
    }
    frontier = fresh(next, asked);
  }
  return [...reached.values()];
}

/** The values that were not looked up before. */
function fresh(values: Value[], asked: Set<string>): Value[] {
  return values.filter((value) => {
    const key = keyText(value);
    if (asked.has(key)) return false;
    asked.add(key);
    return true;
  });
}
