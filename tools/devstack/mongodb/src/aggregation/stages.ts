import { isNumeric, toInteger } from '../bson/numbers';
import { showValue } from '../bson/show';
import { type Doc, doc, integer, isDoc, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { compileFilter } from '../query/matcher';
import { compileSortKey, parseSort, Sorter } from '../query/sort';
import { encodeDocument } from '../bson/encode';
import { graphLookup } from './graph-lookup';
import { group, sortByCount } from './group';
import { lookup, unionWith } from './lookup';
import { compilePipeline, type StageCompiler, stageParts } from './pipeline';
import { held, MAX_STAGE_BYTES } from './memory';
import { unwind } from './unwind';

const match: StageCompiler = (operand, names) => {
  if (!isDoc(operand)) throw new MongoError(15959, 'the match filter must be an expression in an object');
  const matches = compileFilter(operand, names);
  return function* matched(input, { environment }) {
    for (const document of input) if (matches(document, { environment })) yield document;
  };
};

const sort: StageCompiler = (operand) => {
  if (!isDoc(operand)) throw new MongoError(15973, 'the $sort key specification must be an object');
  if (operand.size === 0) throw new MongoError(15976, '$sort stage must have at least one sort key');
  const keyOf = compileSortKey(parseSort(operand));
  return function* sorted(input) {
    const sorter = new Sorter<Doc>();
    for (const document of input) sorter.add(keyOf(document), document, encodeDocument(document).length);
    yield* sorter.sorted();
  };
};

function wholeNumber(operand: Value, stage: string, least: number): number {
  const number = toInteger(operand);
  const code = stage === '$skip' ? 5107200 : 5107201;
  const shown = `${stage}: ${showValue(operand)}`;
  if (!isNumeric(operand)) throw new MongoError(code, `invalid argument to ${stage} stage: Expected a number in: ${shown}`);
  if (number === undefined) throw new MongoError(code, `invalid argument to ${stage} stage: Expected an integer: ${shown}`);
  if (number < 0) throw new MongoError(code, `invalid argument to ${stage} stage: Expected a non-negative number in: ${shown}`);
  if (number < least) throw new MongoError(15958, 'the limit must be positive');
  return number;
}

const skip: StageCompiler = (operand) => {
  const count = wholeNumber(operand, '$skip', 0);
  return function* skipped(input) {
    let left = count;
    for (const document of input) {
      if (left > 0) left -= 1;
      else yield document;
    }
  };
};

const limit: StageCompiler = (operand) => {
  const count = wholeNumber(operand, '$limit', 1);
  return function* limited(input) {
    let left = count;
    for (const document of input) {
      yield document;
      left -= 1;
      if (left === 0) return;
    }
  };
};

const count: StageCompiler = (operand) => {
  if (typeof operand !== 'string') throw new MongoError(40156, 'the count field must be a non-empty string');
  if (operand === '') throw new MongoError(40157, 'the count field must be a non-empty string');
  if (operand.startsWith('$')) throw new MongoError(40158, 'the count field cannot be a $-prefixed path');
  if (operand.includes('.')) throw new MongoError(40160, "the count field cannot contain '.'");
  return function* counted(input) {
    let total = 0;
    for (const _ of input) total += 1;
    if (total > 0) yield doc({ [operand]: integer(total) });
  };
};

const NOT_IN_FACET = new Set(['$facet', '$out', '$merge', '$geoNear', '$indexStats', '$collStats', '$planCacheStats']);

function refuseInFacet(stage: string): void {
  if (NOT_IN_FACET.has(stage)) throw new MongoError(40600, `${stage} is not allowed to be used within a $facet stage`);
}

const facet: StageCompiler = (operand, names) => {
  if (!isDoc(operand) || operand.size === 0) throw new MongoError(40169, 'the $facet specification must be a non-empty object');
  const branches = [...operand].map(([name, stages]) => {
    if (!Array.isArray(stages)) throw new MongoError(40170, `arguments to $facet must be arrays, ${name} is type ${typeName(stages)}`);
    for (const stage of stages) refuseInFacet(stageParts(stage)[0]);
    return [name, compilePipeline(stages, names)] as const;
  });
  return function* faceted(input, context) {
    const documents = held(input, (bytes) => {
      if (bytes > MAX_STAGE_BYTES) throw new MongoError(292, `$facet gets more than ${MAX_STAGE_BYTES} bytes of documents, which the embedded development server holds in memory; put a $match or a $project before it`);
    });
    let earlier = 0;
    const found = branches.map(([name, run]): [string, Value] => {
      let own = 0;
      const results = held(run(documents, context), (bytes) => {
        own = bytes;
        if (earlier + own > MAX_STAGE_BYTES) throw new MongoError(4031700, `document constructed by $facet is ${earlier + own} bytes, which exceeds the limit of ${MAX_STAGE_BYTES} bytes`);
      });
      earlier += own;
      return [name, results];
    });
    yield new Map(found);
  };
};

export const STAGES: Readonly<Record<string, StageCompiler>> = {
  $match: match,
  $sort: sort,
  $skip: skip,
  $limit: limit,
  $count: count,
  $facet: facet,
  $group: group,
  $sortByCount: sortByCount,
  $unwind: unwind,
  $lookup: lookup,
  $graphLookup: graphLookup,
  $unionWith: unionWith,
};
