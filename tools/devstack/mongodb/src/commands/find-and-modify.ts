import { type Doc, doc, int, type Maybe, type Value } from '../bson/values';
import { failedToParse, MongoError } from '../errors';
import { compileProjection, type Projection } from '../query/projection';
import { parseSort } from '../query/sort';
import { decodeDocument } from '../bson/decode';
import type { Collection } from '../storage/collection';
import type { Found } from '../storage/reader';
import { compileUpdate } from '../update/update';
import { arrayField, boolField, type Command, docField, environmentOf, namespaceOf, type Request } from './command';
import { hintOf } from './read';
import { firstMatch, insertDocument, type Selection, upsertedDocument } from './statements';

function findAndModify(request: Request): Doc {
  const { body, store } = request;
  const remove = boolField(body, 'remove');
  const upsert = boolField(body, 'upsert');
  checkOptions(body, remove, upsert);
  const environment = environmentOf(request, docField(body, 'let'));
  const selection: Selection = {
    filter: docField(body, 'query') ?? new Map<string, Value>(),
    sort: parseSort(docField(body, 'sort') ?? new Map<string, Value>()),
    hint: hintOf(body),
    environment,
  };
  const fields = docField(body, 'fields');
  const project = fields?.size ? compileProjection(fields, true, environment.variables.keys()) : undefined;
  return store.transaction(() => {
    const collection = upsert ? store.ensure(namespaceOf(request)) : store.find(namespaceOf(request));
    if (remove) return removeOne(collection, selection, project);
    return collection ? planned(() => updateOne(collection, body, selection, project)) : reply({ n: int(0), updatedExisting: false }, null);
  });
}

function checkOptions(body: Doc, remove: boolean, upsert: boolean): void {
  if (remove && body.has('update')) throw failedToParse('Cannot specify both an update and remove=true');
  if (remove && upsert) throw failedToParse('Cannot specify both upsert=true and remove=true ');
  if (remove && boolField(body, 'new')) throw failedToParse('Cannot specify both new=true and remove=true; \'remove\' always returns the deleted document');
  if (!remove && !body.has('update')) throw failedToParse("Either an update or remove=true must be specified");
}

/** MongoDB says of an error while it writes which command it was. A malformed update fails before that, without it. */
function planned(work: () => Doc): Doc {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof MongoError) || error.code === 9) throw error;
    throw new MongoError(error.code, `Plan executor error during findAndModify :: caused by :: ${error.message}`, error.info);
  }
}

const reply = (last: Record<string, Maybe>, value: Value): Doc => doc({ lastErrorObject: doc(last), value, ok: 1 });

function removeOne(collection: Collection | undefined, selection: Selection, project: Projection | undefined): Doc {
  const found = collection && firstMatch(collection, selection);
  if (!collection || !found) return reply({ n: int(0) }, null);
  const value = projected(found, found.document, project);
  collection.remove(found.rowid, found.document);
  return reply({ n: int(1) }, value);
}

const projected = (found: Pick<Found, 'scope'>, document: Doc, project: Projection | undefined): Doc =>
  project ? project(document, found.scope) : document;

function updateOne(collection: Collection, body: Doc, selection: Selection, project: Projection | undefined): Doc {
  const variables = selection.environment.variables.keys();
  const update = compileUpdate(body.get('update') ?? null, { arrayFilters: arrayField(body, 'arrayFilters'), variables });
  const wantsNew = boolField(body, 'new');
  const found = firstMatch(collection, selection);
  if (found) {
    const before = found.document;
    collection.replace(found, before, update.apply(before, found.scope, false));
    const after = wantsNew ? decodeDocument(collection.get(found.rowid) ?? found.bytes) : before;
    return reply({ n: int(1), updatedExisting: true }, projected(found, after, project));
  }
  if (!boolField(body, 'upsert')) return reply({ n: int(0), updatedExisting: false }, null);
  const document = upsertedDocument({ ...selection, update, multi: false, upsert: true });
  const id = insertDocument(collection, document);
  const { environment } = selection;
  const after = document.has('_id') ? document : new Map([['_id', id], ...document]);
  const value = wantsNew ? projected({ scope: { environment } }, after, project) : null;
  return reply({ n: int(1), updatedExisting: false, upserted: id }, value);
}

const FIELDS = ['query', 'sort', 'remove', 'update', 'new', 'fields', 'upsert', 'arrayFilters', 'hint', 'let', 'bypassDocumentValidation'];

export const findAndModifyCommands: Record<string, Command> = {
  findAndModify: { fields: FIELDS, run: findAndModify },
  findandmodify: { fields: FIELDS, run: findAndModify },
};
