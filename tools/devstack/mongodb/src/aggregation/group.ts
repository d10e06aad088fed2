import { keyText } from '../bson/key';
import { doc, type Doc, int, isDoc, type Maybe, type Value } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { REFUSED_ACCUMULATORS } from '../expressions/refused';
import { compileExpression, type Environment, type Expression } from '../expressions/expression';
import { type Accumulator, ACCUMULATORS } from './accumulators';
import { MAX_STAGE_BYTES, OVERHEAD_BYTES } from './memory';
import type { Stage, StageCompiler } from './pipeline';

interface Field {
  name: string;
  argument: Expression;
  start: () => Accumulator;
}

interface Group {
  id: Value;
  accumulators: Accumulator[];
}

export const group: StageCompiler = (operand, names) => compileGroup(operand, names, MAX_STAGE_BYTES);

/** `maxBytes`: what the groups may hold. */
export function compileGroup(operand: Value, names: ReadonlySet<string>, maxBytes: number): Stage {
  if (!isDoc(operand)) throw new MongoError(15947, "a group's fields must be specified in an object");
  const id = operand.get('_id');
  if (id === undefined) throw new MongoError(15955, 'a group specification must include an _id');
  const idExpression = compileExpression(id, names);
  const fields = [...operand].filter(([name]) => name !== '_id').map(([name, spec]) => compileField(name, spec, names));
  return groupBy(idExpression, fields, maxBytes);
}

function compileField(name: string, spec: Value, names: ReadonlySet<string>): Field {
  if (name.includes('.')) throw new MongoError(40235, `The field name '${name}' cannot contain '.'`);
  if (name.startsWith('$')) throw new MongoError(40236, `The field name '${name}' cannot be an operator name`);
  const [entry, second] = isDoc(spec) ? [...spec] : [];
  if (!entry?.[0].startsWith('$')) throw new MongoError(40234, `The field '${name}' must be an accumulator object`);
  if (second) throw new MongoError(40238, `The field '${name}' must specify one accumulator`);
  const [operator, operand] = entry;
  const start = Object.hasOwn(ACCUMULATORS, operator) ? ACCUMULATORS[operator] : undefined;
  if (!start && REFUSED_ACCUMULATORS.has(operator)) throw notSupported(`The accumulator ${operator}`);
  if (!start) throw new MongoError(15952, `unknown group operator '${operator}'`);
  if (operator === '$count' && !(isDoc(operand) && operand.size === 0)) throw new MongoError(9, '$count takes no arguments, i.e. $count:{}');
  return { name, argument: compileExpression(accumulated(operator, operand), names), start };
}

/** An accumulator takes one value; a list of one stands for it. */
function accumulated(operator: string, operand: Value): Value {
  if (!Array.isArray(operand)) return operand;
  if (operand.length !== 1) throw new MongoError(40237, `The ${operator} accumulator is a unary operator`);
  return operand[0] ?? null;
}

function groupBy(id: Expression, fields: Field[], maxBytes: number): Stage {
  return function* grouped(input, { environment }) {
    const groups = new Map<string, Group>();
    let bytes = 0;
    for (const document of input) {
      bytes += addTo(groups, document, id, fields, environment);
      if (bytes > maxBytes) throw new MongoError(292, `Exceeded memory limit for $group of ${maxBytes} bytes; the embedded development server has no external sort, with allowDiskUse or without`);
    }
    for (const { id: value, accumulators } of groups.values()) {
      const result: Doc = new Map([['_id', value]]);
      fields.forEach(({ name }, at) => result.set(name, accumulators[at]?.result() ?? null));
      yield result;
    }
  };
}

/** Answers by how many bytes the groups grew. */
function addTo(groups: Map<string, Group>, document: Doc, id: Expression, fields: Field[], environment: Environment): number {
  const value: Maybe = id(document, environment);
  const key = keyText(value ?? null);
  let bytes = 0;
  let found = groups.get(key);
  if (!found) {
    bytes += 2 * key.length + OVERHEAD_BYTES * (1 + fields.length);
    found = { id: value ?? null, accumulators: fields.map(({ start }) => start()) };
    groups.set(key, found);
  }
  for (const [at, { argument }] of fields.entries()) bytes += found.accumulators[at]?.add(argument(document, environment)) ?? 0;
  return bytes;
}

/** `$sortByCount`: how often each value comes, most often first. */
export const sortByCount: StageCompiler = (operand, names) => {
  const counted = groupBy(compileExpression(operand, names), [compileField('count', doc({ $sum: int(1) }), names)], MAX_STAGE_BYTES);
  return function* sorted(input, context) {
    const groups = [...counted(input, context)];
    const size = (document: Doc): number => Number(document.get('count'));
    yield* groups.sort((a, b) => size(b) - size(a));
  };
};
