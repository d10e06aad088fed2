import { keyText } from '../bson/key';
import { doc, type Doc, int, isDoc, type Maybe, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { compileExpression, type Environment, type Expression } from '../expressions/expression';
import { type Accumulator, ACCUMULATORS } from './accumulators';
import type { Stage, StageCompiler } from './pipeline';

/** Groups that one stage may hold. */
const MAX_GROUPS = 1_000_000;

interface Field {
  name: string;
  argument: Expression;
  start: () => Accumulator;
}

interface Group {
  id: Value;
  accumulators: Accumulator[];
}

export const group: StageCompiler = (operand, names) => {
  if (!isDoc(operand)) throw new MongoError(15947, "a group's fields must be specified in an object");
  const id = operand.get('_id');
  if (id === undefined) throw new MongoError(15955, 'a group specification must include an _id');
  const idExpression = compileExpression(id, names);
  const fields = [...operand].filter(([name]) => name !== '_id').map(([name, spec]) => compileField(name, spec, names));
  return groupBy(idExpression, fields);
};

function compileField(name: string, spec: Value, names: ReadonlySet<string>): Field {
  if (name.includes('.')) throw new MongoError(40235, `The field name '${name}' cannot contain '.'`);
  if (name.startsWith('$')) throw new MongoError(40236, `The field name '${name}' cannot be an operator name`);
  const [entry, second] = isDoc(spec) ? [...spec] : [];
  if (!entry?.[0].startsWith('$')) throw new MongoError(40234, `The field '${name}' must be an accumulator object`);
  if (second) throw new MongoError(40238, `The field '${name}' must specify one accumulator`);
  const [operator, operand] = entry;
  const start = ACCUMULATORS[operator];
  if (!start) throw new MongoError(15952, `unknown group operator '${operator}'`);
  if (operator === '$count' && !(isDoc(operand) && operand.size === 0)) throw new MongoError(9, '$count takes no arguments, i.e. $count:{}');
  return { name, argument: compileExpression(operand, names), start };
}

function groupBy(id: Expression, fields: Field[]): Stage {
  return function* grouped(input, { environment }) {
    const groups = new Map<string, Group>();
    for (const document of input) addTo(groups, document, id, fields, environment);
    for (const { id: value, accumulators } of groups.values()) {
      const result: Doc = new Map([['_id', value]]);
      fields.forEach(({ name }, at) => result.set(name, accumulators[at]?.result() ?? null));
      yield result;
    }
  };
}

function addTo(groups: Map<string, Group>, document: Doc, id: Expression, fields: Field[], environment: Environment): void {
  const value: Maybe = id(document, environment);
  const key = keyText(value ?? null);
  let found = groups.get(key);
  if (!found) {
    if (groups.size >= MAX_GROUPS) throw new MongoError(292, `$group holds more than ${MAX_GROUPS} groups`);
    found = { id: value ?? null, accumulators: fields.map(({ start }) => start()) };
    groups.set(key, found);
  }
  for (const [at, { argument }] of fields.entries()) found.accumulators[at]?.add(argument(document, environment));
}

/** `$sortByCount`: how often each value comes, most often first. */
export const sortByCount: StageCompiler = (operand, names) => {
  const counted = groupBy(compileExpression(operand, names), [compileField('count', doc({ $sum: int(1) }), names)]);
  return function* sorted(input, context) {
    const groups = [...counted(input, context)];
    const size = (document: Doc): number => Number(document.get('count'));
    yield* groups.sort((a, b) => size(b) - size(a));
  };
};
