import { isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';

/** Reads the options of a stage; unknown ones are errors. */
export class StageOptions {
  constructor(
    private readonly operand: Value,
    private readonly stage: string,
    known: string[],
  ) {
    if (!isDoc(operand)) throw new MongoError(9, `the ${stage} stage specification must be an object, but found ${typeName(operand)}`);
    for (const name of operand.keys()) if (!known.includes(name)) throw new MongoError(9, `unknown argument to ${stage}: ${name}`);
  }

  get(name: string): Maybe {
    return isDoc(this.operand) ? this.operand.get(name) : undefined;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.missing(name);
  }

  optionalString(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw new MongoError(9, `${this.stage} argument '${name}' must be a string, is type ${typeName(value)}`);
  }

  required(name: string): Value {
    return this.get(name) ?? this.missing(name);
  }

  array(name: string): Value[] | undefined {
    const value = this.get(name);
    if (value === undefined || Array.isArray(value)) return value;
    throw new MongoError(9, `${this.stage} argument '${name}' must be an array, is type ${typeName(value)}`);
  }

  private missing(name: string): never {
    throw new MongoError(9, `must specify '${name}' field for a ${this.stage}`);
  }
}
