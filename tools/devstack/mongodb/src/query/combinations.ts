import { encodeKey } from '../bson/key';
import { type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { isIndex } from './paths';

interface Part {
  value: Maybe;
  rest: string[];
}

/**
 * Gives the values that a document has at several paths, once for each element of an array on the way, as an index and a
 * sort see it. Answers whether there was an array. Two arrays side by side are CannotIndexParallelArrays (171).
 */
export function eachCombination(document: Doc, paths: string[][], emit: (values: Maybe[]) => void): boolean {
  return expand(paths.map((rest) => ({ value: document, rest })), emit);
}

/** The key of one combination. A missing field counts as null, and an empty array comes before both. */
export const combinationKey = (values: Maybe[], descending: boolean[]): Buffer =>
  Buffer.concat(values.map((value, at) => valueKey(value, descending[at] ?? false)));

const valueKey = (value: Maybe, descending: boolean): Buffer =>
  Array.isArray(value) && value.length === 0 ? encodeKey(undefined, descending) : encodeKey(value ?? null, descending);

function expand(parts: Part[], emit: (values: Maybe[]) => void): boolean {
  const reached = parts.map(advance);
  const arrays = new Set(reached.flatMap(({ value, open }) => (open && Array.isArray(value) && value.length > 0 ? [value] : [])));
  if (arrays.size > 1) throw new MongoError(171, 'cannot index parallel arrays');
  const [array] = arrays;
  if (!array) {
    emit(reached.map(({ value, rest }) => (rest.length === 0 ? value : undefined)));
    return reached.some(({ value, open }) => open && Array.isArray(value));
  }
  for (const item of array) {
    expand(reached.map((part) => (part.open && part.value === array ? inside(part, item) : part)), emit);
  }
  return true;
}

interface Reached extends Part {
  /** Whether an array here is still to be expanded. */
  open: boolean;
}

/** An element of an array is not expanded again. */
function inside({ rest }: Part, item: Value): Reached {
  if (rest.length === 0 || !isDoc(item)) return { value: rest.length === 0 ? item : undefined, rest: [], open: false };
  return { value: item, rest, open: true };
}

function advance(part: Part & { open?: boolean }): Reached {
  if (part.open === false) return { ...part, open: false };
  let { value } = part;
  let at = 0;
  for (; at < part.rest.length; at++) {
    const name = part.rest[at] ?? '';
    if (isDoc(value)) value = value.get(name);
    else if (Array.isArray(value) && isIndex(name) && Number(name) < value.length) value = element(value, name);
    else if (Array.isArray(value)) break;
    else return { value: undefined, rest: [], open: false };
  }
  return { value, rest: part.rest.slice(at), open: true };
}

function element(array: Value[], name: string): Maybe {
  if (array.some((item) => isDoc(item) && item.has(name))) {
    throw new MongoError(16746, `Ambiguous field name found in array (do not use numeric field names in embedded elements in an array), field: '${name}'`);
  }
  return array[Number(name)];
}
