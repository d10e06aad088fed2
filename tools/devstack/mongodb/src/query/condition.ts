import { type Doc, type Maybe } from '../bson/values';
import type { Environment } from '../expressions/expression';
import { visitPath } from './paths';

/** What a match needs besides the document, and what it leaves behind. */
export interface MatchScope {
  readonly environment: Environment;
  /** The element that the positional operator `$` stands for, after a match. */
  arrayIndex?: number;
}

export type Match = (document: Doc, scope: MatchScope) => boolean;

/** A condition on a field. */
export interface Condition {
  onPath(document: Doc, path: string[], scope: MatchScope): boolean;
  /** On one value, whose own elements are not looked at: an element inside `$elemMatch` or `$pull`. */
  onValue(value: Maybe, scope: MatchScope): boolean;
}

export type Test = (value: Maybe, scope: MatchScope) => boolean;

/** Holds if the value passes or, if it is an array, one of its elements. */
export const anyOf = (test: Test): Condition => ({
  onValue: test,
  onPath: (document, path, scope) =>
    visitPath(document, path, (value, arrayIndex) => {
      if (test(value, scope)) return found(scope, arrayIndex);
      if (!Array.isArray(value)) return false;
      const index = value.findIndex((item) => test(item, scope));
      return index >= 0 && found(scope, arrayIndex ?? index);
    }),
});

/** Holds if the value itself passes; an array counts as one value. */
export const whole = (test: (value: Maybe, scope: MatchScope, found: (index: number) => void) => boolean): Condition => ({
  onValue: (value, scope) => test(value, scope, () => undefined),
  onPath: (document, path, scope) =>
    visitPath(document, path, (value, arrayIndex) => {
      let own: number | undefined;
      const passed = test(value, scope, (index) => {
        own = index;
      });
      return passed && found(scope, arrayIndex ?? own);
    }),
});

function found(scope: MatchScope, arrayIndex: number | undefined): true {
  if (arrayIndex !== undefined) scope.arrayIndex = arrayIndex;
  return true;
}

/** Holds where the other does not; leaves no position behind. */
export const not = (condition: Condition): Condition => ({
  onValue: (value, { environment }) => !condition.onValue(value, { environment }),
  onPath: (document, path, { environment }) => !condition.onPath(document, path, { environment }),
});

export const every = (conditions: Condition[]): Condition => ({
  onValue: (value, scope) => conditions.every((condition) => condition.onValue(value, scope)),
  onPath: (document, path, scope) => conditions.every((condition) => condition.onPath(document, path, scope)),
});
