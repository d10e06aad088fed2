import { decodeDocument } from '../bson/decode';
import { encodeKey, keyText } from '../bson/key';
import { isNumeric, toDouble, toInteger } from '../bson/numbers';
import { type Doc, doc, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import type { Deadline } from '../deadline';
import { failedToParse, MongoError } from '../errors';
import { compileExpression, getField } from '../expressions/expression';
import { compileFilter, type Match } from '../query/matcher';
import { fieldPath, splitPath, visitPath } from '../query/paths';
import { isExactValue } from '../storage/bounds';
import type { Collection } from '../storage/collection';
import { makePlan } from '../storage/planner';
import { Found } from '../storage/reader';
import { joined, withArray } from './lookup';
import { MAX_STAGE_BYTES, OVERHEAD_BYTES, sizeOf } from './memory';
import type { PipelineContext, StageCompiler } from './pipeline';

interface Search {
  connectFrom: string[];
  connectTo: string;
  maxDepth: number;
  depthField?: string;
  restrict?: Match;
}

/** Follows connections through a collection, level by level. */
export const graphLookup: StageCompiler = (operand, names) => {
  const options = optionsOf(operand);
  const from = String(options.get('from'));
  const as = fieldPath(String(options.get('as')));
  const startWith = compileExpression(options.get('startWith') ?? null, names);
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

const TEXTS = ['from', 'as', 'connectFromField', 'connectToField', 'depthField'];
const REQUIRED = ['as', 'startWith', 'connectFromField', 'connectToField'];
const OTHERS = ['startWith', 'maxDepth', 'restrictSearchWithMatch'];

/** The stage has error codes of its own. */
function optionsOf(operand: Value): Doc {
  if (!isDoc(operand)) throw failedToParse(`the $graphLookup stage specification must be an object, but found ${typeName(operand)}`);
  const from = operand.get('from');
  if (from === undefined) throw failedToParse("missing 'from' option to $graphLookup stage specification");
  if (typeof from !== 'string') throw failedToParse(`$graphLookup 'from' field must be a string, but found ${typeName(from)}`);
  for (const [name, value] of operand) {
    if (TEXTS.includes(name) && typeof value !== 'string') throw new MongoError(40103, `expected string as argument for ${name}, found: ${typeName(value)}`);
    if (!TEXTS.includes(name) && !OTHERS.includes(name)) throw new MongoError(40104, `Unknown argument to $graphLookup: ${name}`);
  }
  if (REQUIRED.every((name) => operand.has(name)) && from !== '') return operand;
  throw new MongoError(40105, "$graphLookup requires 'from', 'as', 'startWith', 'connectFromField', and 'connectToField' to be specified.");
}

function parseSearch(options: Doc): Search {
  const restrict = options.get('restrictSearchWithMatch');
  if (restrict !== undefined && !isDoc(restrict)) throw new MongoError(40185, `restrictSearchWithMatch must be an object, found ${typeName(restrict)}`);
  const depthField = options.get('depthField');
  return {
    connectFrom: fieldPath(String(options.get('connectFromField'))),
    connectTo: fieldPath(String(options.get('connectToField'))).join('.'),
    maxDepth: maxDepthOf(options.get('maxDepth')),
    depthField: depthField === undefined ? undefined : fieldPath(String(depthField)).join('.'),
    restrict: restrict && compileFilter(restrict),
  };
}

function maxDepthOf(value: Maybe): number {
  if (value === undefined) return Infinity;
  if (!isNumeric(value)) throw new MongoError(40100, `maxDepth requires a numeric argument, found type: ${typeName(value)}`);
  if (toDouble(value) < 0) throw new MongoError(40101, 'maxDepth requires a nonnegative argument');
  const depth = toInteger(value);
  if (depth === undefined) throw new MongoError(40102, 'maxDepth could not be represented as a long long');
  return depth;
}

/** A value to look up, and the key that stands for it in an index. */
interface Step {
  value: Value;
  key: Buffer;
}

function reach(collection: Collection, start: Value[], search: Search, context: PipelineContext): Doc[] {
  const { connectFrom, connectTo, maxDepth, depthField, restrict } = search;
  const reached = new Map<number, Doc>();
  const asked = new Set<string>();
  let bytes = 0;
  const count = (more: number): void => {
    bytes += more;
    if (bytes >= MAX_STAGE_BYTES) throw new MongoError(40099, '$graphLookup reached maximum memory consumption');
  };
  const connected = connector(collection, connectTo, context);
  let frontier = fresh(start, asked, count);
  for (let depth = 0; frontier.length > 0 && depth <= maxDepth; depth++) {
    const next: Value[] = [];
    for (const found of connected(frontier)) {
      context.environment.deadline?.tick();
      if (reached.has(found.rowid)) continue;
      const { document } = found;
      if (restrict && !restrict(document, { environment: context.environment })) continue;
      count(sizeOf(document));
      reached.set(found.rowid, depthField === undefined ? document : new Map(document).set(depthField, BigInt(depth)));
      const onward = getField(document, connectFrom, 0);
      if (Array.isArray(onward)) next.push(...onward);
      else if (onward !== undefined) next.push(onward);
    }
    frontier = fresh(next, asked, count);
  }
  return [...reached.values()];
}

type Connect = (steps: Step[]) => Iterable<Found>;

/**
 * Finds the documents whose field equals one of the values: with an index one probe for each value, without one through
 * a table of all values, made once.
 */
function connector(collection: Collection, path: string, context: PipelineContext): Connect {
  // What the planner takes for one value serves all of them.
  const { index: planned } = makePlan(collection, doc({ [path]: 1 }), []);
  const index = planned && !planned.multikey && planned.spec.fields.length === 1 && !planned.spec.fields[0]?.descending ? planned : undefined;
  let table = planned ? undefined : new Map<string, number[]>();
  const look = function* ({ key }: Step): Generator<Found> {
    if (index) for (const { rowid, bytes } of index.scan({ from: key, to: key }, false)) yield new Found(rowid, bytes, context);
    for (const rowid of table?.get(key.toString('latin1')) ?? []) {
      const bytes = collection.get(rowid);
      if (bytes) yield new Found(rowid, bytes, context);
    }
  };
  let isFilled = false;
  return function* connected(steps) {
    if (table && !isFilled) {
      isFilled = true;
      if (!fill(table, collection, path, context.environment.deadline)) table = undefined;
    }
    const others: Value[] = [];
    for (const step of steps) {
      if (isExactValue(step.value) && (index || table)) yield* look(step);
      else others.push(step.value);
    }
    if (others.length > 0) yield* joined(collection, path, others, context);
  };
}

/**
 * Puts the rows of a collection by each value that the field has in them, elements of arrays among them. Answers whether
 * there was room for all; without a table the collection is read once for each level.
 */
function fill(table: Map<string, number[]>, collection: Collection, path: string, deadline: Deadline | undefined): boolean {
  const names = splitPath(path);
  let size = 0;
  for (const { rowid, bytes } of collection.scan(false)) {
    deadline?.tick();
    const add = (value: Value): void => {
      const key = keyText(value);
      const rows = table.get(key);
      size += rows ? ROW_BYTES : key.length + OVERHEAD_BYTES;
      if (!rows) table.set(key, [rowid]);
      else if (rows.at(-1) !== rowid) rows.push(rowid);
    };
    visitPath(decodeDocument(bytes), names, (value) => {
      if (Array.isArray(value)) value.forEach(add);
      else if (value !== undefined) add(value);
      return false;
    });
    if (size > MAX_STAGE_BYTES) return false;
  }
  return true;
}

const ROW_BYTES = 8;

/** The values that were not looked up before. */
function fresh(values: Value[], asked: Set<string>, count: (bytes: number) => void): Step[] {
  const steps: Step[] = [];
  for (const value of values) {
    const key = encodeKey(value);
    const text = key.toString('latin1');
    if (asked.has(text)) continue;
    asked.add(text);
    count(text.length + key.length + OVERHEAD_BYTES);
    steps.push({ value, key });
  }
  return steps;
}
