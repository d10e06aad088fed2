import { type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import type { Deadline } from '../deadline';
import { failedToParse, MongoError, notSupported } from '../errors';
import { fieldPath } from '../query/paths';
import { REFUSED_EXPRESSIONS } from './refused';

/** What an expression sees besides the document. */
export interface Environment {
  /** `$$NOW`: one instant for the whole command. */
  readonly now: Date;
  /** Variables of `let`, `$let`, `$map` and so on. */
  readonly variables: ReadonlyMap<string, Maybe>;
  /** Absent: the command may take any time. */
  readonly deadline?: Deadline;
}

export type Expression = (root: Doc, environment: Environment) => Maybe;

/** Compiles the operand of one operator; `compile` compiles an operand inside it. */
export type OperatorCompiler = (operand: Value, context: CompileContext, operator: string) => Expression;

export interface CompileContext {
  /** Names of the variables that are defined here. */
  readonly names: ReadonlySet<string>;
  compile(value: Value, names?: ReadonlySet<string>): Expression;
}

const operators = new Map<string, OperatorCompiler>();

/** Makes operators known; each file of operators does this for its own. */
export function registerOperators(table: Record<string, OperatorCompiler>): void {
  for (const [name, compiler] of Object.entries(table)) operators.set(name, compiler);
}

/** Whether MongoDB has an expression of this name, be it refused or not. */
export const isOperator = (name: string): boolean => operators.has(name) || REFUSED_EXPRESSIONS.has(name);

const SYSTEM_NAMES = new Set(['ROOT', 'CURRENT', 'NOW', 'REMOVE']);

/** Compiles an aggregation expression. An unknown operator is error 168, an unknown variable 17276. */
export function compileExpression(value: Value, names: ReadonlySet<string> = new Set()): Expression {
  if (typeof value === 'string' && value.startsWith('$')) return compileReference(value, names);
  if (Array.isArray(value)) return compileArray(value, names);
  if (isDoc(value)) return compileDocument(value, names);
  return () => value;
}

function compileReference(text: string, names: ReadonlySet<string>): Expression {
  if (text === '$') throw new MongoError(16872, "'$' by itself is not a valid FieldPath");
  if (!text.startsWith('$$')) return readPath(text.slice(1));
  if (text.slice(2) !== '' && !/^[a-zA-Z_\u0080-\uffff]/.test(text.slice(2))) throw failedToParse(`'${text.slice(2)}' starts with an invalid character for a user variable name`);
  if (text === '$$') throw failedToParse('empty variable names are not allowed');
  const [name, ...path] = fieldPath(text.slice(2));
  if (!SYSTEM_NAMES.has(name) && !names.has(name)) throw new MongoError(17276, `Use of undefined variable: ${name}`);
  const read = variable(name);
  return path.length === 0 ? read : (root, environment) => getField(read(root, environment), path, 0);
}

function variable(name: string): Expression {
  switch (name) {
    case 'ROOT':
      return (root) => root;
    case 'CURRENT':
      return (root) => root;
    case 'NOW':
      return (_, { now }) => now;
    case 'REMOVE':
      return () => undefined;
    default:
      return (_, { variables }) => variables.get(name);
  }
}

function readPath(path: string): Expression {
  const [first, ...rest] = fieldPath(path);
  return rest.length === 0 ? (root) => root.get(first) : (root) => getField(root.get(first), rest, 0);
}

/** Follows a path as an expression does: an array on the way gives the array of what its documents have there. */
export function getField(value: Maybe, path: string[], at: number): Maybe {
  const name = path[at];
  if (name === undefined) return value;
  if (isDoc(value)) return getField(value.get(name), path, at + 1);
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((item): Value[] => {
    const found = isDoc(item) || Array.isArray(item) ? getField(item, path, at) : undefined;
    return found === undefined ? [] : [found];
  });
}

function compileArray(items: Value[], names: ReadonlySet<string>): Expression {
  const expressions = items.map((item) => compileExpression(item, names));
  return (root, environment) => expressions.map((expression) => expression(root, environment) ?? null);
}

function compileDocument(value: Doc, names: ReadonlySet<string>): Expression {
  const [first] = value.keys();
  if (first?.startsWith('$')) {
    if (value.size > 1) throw new MongoError(15983, `an expression specification must contain exactly one field, the name of the expression: ${first}`);
    return compileOperator(first, value.get(first) ?? null, names);
  }
  const fields = [...value].map(([name, item]) => {
    if (name.startsWith('$')) throw new MongoError(16410, `FieldPath field names may not start with '$': ${name}`);
    if (name.includes('.')) throw new MongoError(16412, "FieldPath field names may not contain '.'. Consider using $getField or $setField.");
    return [name, compileExpression(item, names)] as const;
  });
  return (root, environment) => {
    const result: Doc = new Map();
    for (const [name, expression] of fields) {
      const item = expression(root, environment);
      if (item !== undefined) result.set(name, item);
    }
    return result;
  };
}

function compileOperator(name: string, operand: Value, names: ReadonlySet<string>): Expression {
  const compiler = operators.get(name);
  if (!compiler && REFUSED_EXPRESSIONS.has(name)) throw notSupported(`The expression ${name}`);
  if (!compiler) throw new MongoError(168, `Unrecognized expression '${name}'`);
  const compile = (value: Value, inner: ReadonlySet<string> = names): Expression => compileExpression(value, inner);
  return compiler(operand, { names, compile }, name);
}
