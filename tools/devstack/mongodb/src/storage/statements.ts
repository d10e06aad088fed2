import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** The statements of one table, each compiled when it is first used. Rows come as arrays, which cost half of objects. */
export class Statements<Name extends string> {
  private readonly compiled = new Map<Name, StatementSync>();

  constructor(
    private readonly database: DatabaseSync,
    private readonly sql: Record<Name, string>,
  ) {}

  get(name: Name): StatementSync {
    const known = this.compiled.get(name);
    if (known) return known;
    const statement = this.database.prepare(this.sql[name]);
    statement.setReturnArrays(true);
    this.compiled.set(name, statement);
    return statement;
  }
}
