import { StageOptions } from '../aggregation/options';
import { stageParts } from '../aggregation/pipeline';
import { decodeDocument } from '../bson/decode';
import { encodeDocument } from '../bson/encode';
import { encodeKey } from '../bson/key';
import { type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import type { Collection } from '../storage/collection';
import { checkNamespace } from '../storage/store';
import type { Request } from './command';
import { insertDocument } from './statements';

/** Writes the results of a pipeline into a collection. */
export type WriteStage = (results: Iterable<Doc>) => void;

/** Documents that one pipeline may write, in bytes. */
const MAX_BYTES = 100 * 1024 * 1024;

/** The `$out` or `$merge` that ends a pipeline, if there is one; anywhere else it is error 40601. */
export function writeStageOf(request: Request, stages: Value[]): WriteStage | undefined {
  const parts = stages.map(stageParts);
  const at = parts.findIndex(([name]) => name === '$out' || name === '$merge');
  const [name, operand] = parts[at] ?? [];
  if (name === undefined || operand === undefined) return undefined;
  if (at < stages.length - 1) throw new MongoError(40601, `${name} can only be the final stage in the pipeline`);
  return name === '$out' ? out(request, operand) : merge(request, operand);
}

/** Replaces all documents of the target; its indexes stay. */
function out(request: Request, operand: Value): WriteStage {
  const namespace = targetOf(request, operand, '$out');
  return (results) => {
    const documents = collect(results);
    const target = request.store.ensure(namespace);
    for (const { rowid, bytes } of target.scan(false)) target.remove(rowid, decodeDocument(bytes));
    for (const document of documents) insertDocument(target, document);
  };
}

const MATCHED = ['merge', 'replace', 'keepExisting', 'fail'];
const NOT_MATCHED = ['insert', 'discard', 'fail'];

/** Puts each result into the target, by `_id`. */
function merge(request: Request, operand: Value): WriteStage {
  const options = new StageOptions(typeof operand === 'string' ? new Map([['into', operand]]) : operand, '$merge', [
    'into', 'on', 'let', 'whenMatched', 'whenNotMatched',
  ]);
  const namespace = targetOf(request, options.required('into'), '$merge');
  const on = options.get('on') ?? '_id';
  if (on !== '_id' || options.get('let') !== undefined) throw notSupported('$merge on other fields than _id or with let');
  const matched = choice(options.get('whenMatched'), 'whenMatched', MATCHED);
  const notMatched = choice(options.get('whenNotMatched'), 'whenNotMatched', NOT_MATCHED);
  return (results) => {
    const documents = collect(results);
    const target = request.store.ensure(namespace);
    for (const document of documents) mergeOne(target, document, matched, notMatched);
  };
}

function mergeOne(target: Collection, document: Doc, matched: string, notMatched: string): void {
  const id: Maybe = document.get('_id');
  const found = id === undefined ? undefined : target.idIndex?.only(encodeKey(id));
  if (!found) {
    if (notMatched === 'insert') insertDocument(target, document);
    else if (notMatched === 'fail') throw new MongoError(13113, '$merge could not find a matching document in the target collection for at least one document in the source collection');
    return;
  }
  if (matched === 'keepExisting') return;
  // The insert fails as a duplicate, with its key.
  if (matched === 'fail') insertDocument(target, document);
  const before = decodeDocument(found.bytes);
  const kept: Doc = matched === 'merge' ? before : new Map([['_id', before.get('_id') ?? null]]);
  target.replace(found, before, new Map([...kept, ...document]));
}

function choice(value: Maybe, name: string, known: string[]): string {
  if (Array.isArray(value)) throw notSupported(`$merge with a pipeline in ${name}`);
  const chosen = value ?? known[0];
  if (typeof chosen === 'string' && known.includes(chosen)) return chosen;
  throw new MongoError(2, `Enumeration value for field '$merge.${name}' is not a valid value.`);
}

function targetOf({ database }: Request, target: Value, stage: string): string {
  const db = isDoc(target) ? (target.get('db') ?? database) : database;
  const name = isDoc(target) ? target.get('coll') : target;
  if (typeof db !== 'string' || typeof name !== 'string') throw new MongoError(16990, `${stage} needs the name of a collection, or { db, coll }`);
  const namespace = `${db}.${name}`;
  checkNamespace(namespace);
  return namespace;
}

/** All of them first: the pipeline may read what it writes. */
function collect(results: Iterable<Doc>): Doc[] {
  const documents: Doc[] = [];
  let bytes = 0;
  for (const document of results) {
    bytes += encodeDocument(document).length;
    if (bytes > MAX_BYTES) throw new MongoError(292, `a pipeline may write up to ${MAX_BYTES} bytes: write less at a time`);
    documents.push(document);
  }
  return documents;
}
