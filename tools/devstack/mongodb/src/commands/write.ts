import { type Doc, doc, int, integer, isDoc, type Maybe, RawDocument, type Value } from '../bson/values';
import { failedToParse, missingField, MongoError } from '../errors';
import { parseSort } from '../query/sort';
import { toInteger } from '../bson/numbers';
import { compileUpdate } from '../update/update';
import {
  arrayField, boolField, checkFields, type Command, docField, docsField, environmentOf, namespaceOf, refuseCollation, type Request,
} from './command';
import { hintOf } from './read';
import { insertDocument, runDelete, runUpdate, type Selection, type UpdateStatement } from './statements';

/** Malformed bytes and the end of the time fail the command as a whole: it has written nothing then. */
const WHOLE_COMMAND = new Set([22, 50]);

/** Runs statements one by one; the first error ends an ordered command. All that succeeded stays. */
export function runStatements<T>(request: Request, statements: T[], run: (statement: T, index: number) => void): Doc[] {
  const errors: Doc[] = [];
  const ordered = request.body.get('ordered') !== false;
  request.store.transaction(() => {
    for (const [index, statement] of statements.entries()) {
      request.deadline?.tick();
      try {
        run(statement, index);
      } catch (error) {
        if (!(error instanceof MongoError) || WHOLE_COMMAND.has(error.code)) throw error;
        errors.push(writeError(error, index));
        if (ordered) return;
      }
    }
  });
  return errors;
}

export const writeError = (error: MongoError, index: number): Doc =>
  new Map<string, Value>([['index', int(index)], ['code', int(error.code)], ['errmsg', error.message], ...(error.info ?? [])]);

const writeReply = (fields: Record<string, Maybe>, errors: Doc[]): Doc =>
  doc({ ...fields, writeErrors: errors.length > 0 ? errors : undefined, ok: 1 });

const MAX_STATEMENTS = 100_000;

/** The statements of a command; a malformed one fails the whole command, before anything is written. */
function statementsOf(body: Doc, name: string, known: string[], check: (statement: Doc, where: string) => void): Doc[] {
  const statements = checkCount(docsField(body, name));
  for (const statement of statements) {
    checkFields(statement, known, name);
    refuseCollation(statement);
    check(statement, name === 'updates' ? 'update.updates' : 'delete.deletes');
  }
  return statements;
}

function checkCount<T>(statements: T[]): T[] {
  if (statements.length > 0 && statements.length <= MAX_STATEMENTS) return statements;
  throw new MongoError(16, `Write batch sizes must be between 1 and ${MAX_STATEMENTS}. Got ${statements.length} operations.`);
}

/** The documents to insert; those that came in a sequence of their own are not decoded yet. */
function documentsOf(body: Doc): (Doc | RawDocument)[] {
  const items = arrayField(body, 'documents') ?? [];
  const raw = items.filter((item) => item instanceof RawDocument);
  return checkCount<Doc | RawDocument>(items.length > 0 && raw.length === items.length ? raw : docsField(body, 'documents'));
}

function insert(request: Request): Doc {
  const namespace = namespaceOf(request);
  let inserted = 0;
  const errors = runStatements(request, documentsOf(request.body), (document) => {
    insertDocument(request.store.ensure(namespace), document);
    inserted += 1;
  });
  return writeReply({ n: integer(inserted) }, errors);
}

const UPDATE_FIELDS = ['q', 'u', 'c', 'multi', 'upsert', 'arrayFilters', 'hint', 'sort', 'collation'];

/** Throws what MongoDB does for a field that is missing or of the wrong type. */
export function checkUpdate(statement: Doc, where: string, names = { filter: 'q', update: 'u', constants: 'c' }): void {
  requiredDoc(statement, names.filter, where);
  const spec = statement.get(names.update);
  if (spec === undefined) throw missingField(`${where}.${names.update}`);
  if (!isDoc(spec) && !Array.isArray(spec)) throw failedToParse('Update argument must be either an object or an array');
  for (const name of ['multi', 'upsert']) boolField(statement, name);
  for (const name of [names.constants, 'sort']) docField(statement, name);
  if (statement.has('arrayFilters')) docsField(statement, 'arrayFilters');
  hintOf(statement);
}

export function requiredDoc(statement: Doc, name: string, where: string): Doc {
  const found = docField(statement, name);
  if (!found) throw missingField(`${where}.${name}`);
  return found;
}

export function parseUpdate(request: Request, statement: Doc): UpdateStatement {
  const spec = statement.get('u') ?? null;
  const multi = boolField(statement, 'multi');
  const sort = docField(statement, 'sort');
  if (multi && sort) throw failedToParse("Cannot specify sort with multi=true");
  const selection = parseSelection(request, statement);
  const update = compileUpdate(spec, { arrayFilters: arrayField(statement, 'arrayFilters'), variables: selection.environment.variables.keys() });
  return { ...selection, sort: parseSort(sort ?? new Map<string, Value>()), update, multi, upsert: boolField(statement, 'upsert') };
}

export function parseSelection(request: Request, statement: Doc): Selection {
  const filter = requiredDoc(statement, 'q', request.name);
  const constants = docField(statement, 'c');
  const general = docField(request.body, 'let');
  const variables = constants || general ? new Map([...(general ?? []), ...(constants ?? [])]) : undefined;
  return { filter, sort: [], hint: hintOf(statement), environment: environmentOf(request, variables) };
}

function update(request: Request): Doc {
  const namespace = namespaceOf(request);
  let matched = 0;
  let modified = 0;
  const upserted: Doc[] = [];
  const errors = runStatements(request, statementsOf(request.body, 'updates', UPDATE_FIELDS, checkUpdate), (statement, index) => {
    const parsed = parseUpdate(request, statement);
    const collection = parsed.upsert ? request.store.ensure(namespace) : request.store.find(namespace);
    if (!collection) return;
    const result = runUpdate(collection, parsed);
    matched += result.matched;
    modified += result.modified;
    if (result.upsertedId !== undefined) upserted.push(doc({ index: int(index), _id: result.upsertedId }));
  });
  const counts = { n: integer(matched + upserted.length), nModified: integer(modified) };
  return writeReply({ ...counts, upserted: upserted.length > 0 ? upserted : undefined }, errors);
}

const DELETE_FIELDS = ['q', 'limit', 'hint', 'collation'];

function checkDelete(statement: Doc, where: string): void {
  requiredDoc(statement, 'q', where);
  const limit = statement.get('limit');
  if (limit === undefined) throw missingField(`${where}.limit`);
  if (toInteger(limit) !== 0 && toInteger(limit) !== 1) throw failedToParse('The limit field in delete objects must be 0 or 1');
  hintOf(statement);
}

function remove(request: Request): Doc {
  const namespace = namespaceOf(request);
  let removed = 0;
  const errors = runStatements(request, statementsOf(request.body, 'deletes', DELETE_FIELDS, checkDelete), (statement) => {
    const collection = request.store.find(namespace);
    if (collection) removed += runDelete(collection, parseSelection(request, statement), toInteger(statement.get('limit')) === 1);
  });
  return writeReply({ n: integer(removed) }, errors);
}

export const writeCommands: Record<string, Command> = {
  insert: { fields: ['documents', 'ordered', 'bypassDocumentValidation'], run: insert },
  update: { fields: ['updates', 'ordered', 'let', 'bypassDocumentValidation'], run: update },
  delete: { fields: ['deletes', 'ordered', 'let'], run: remove },
};
