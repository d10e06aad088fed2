import 'reflect-metadata';
import { NAME_PATTERN, type AuthorizeAccountAnswer } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { plainToInstance } from 'class-transformer';
import { ArrayNotEmpty, IsArray, IsOptional, IsString, Matches, MaxLength, MinLength, validateSync } from 'class-validator';

/** One set of a vendor's credentials. Leaves the adapter's process in no form. */
export class Account {
  @Matches(NAME_PATTERN) accountId!: string;
  @IsString() @MinLength(1) @MaxLength(4000) @Matches(/^[\x21-\x7e]+$/) apiKey!: string;
  /** Who may use it. */
  @IsArray() @ArrayNotEmpty() @Matches(NAME_PATTERN, { each: true }) owners!: string[];
  /** Of these, whose default it is where they have several. */
  @IsOptional() @IsArray() @Matches(NAME_PATTERN, { each: true }) defaultFor?: string[];
}

const unknownAccount = (providerId: string): FerryError =>
  new FerryError('UNKNOWN_ACCOUNT', 'not-found', `You have no such account at ${providerId}. Ask the operator for one.`);

/** A vendor's accounts and the owners that may use them. */
export class AccountRegistry {
  private readonly accounts: ReadonlyMap<string, Account>;

  private constructor(
    private readonly providerId: string,
    accounts: readonly Account[],
  ) {
    this.accounts = new Map(accounts.map((account) => [account.accountId, account]));
  }

  /**
   * Reads a JSON array of accounts: `[{ accountId, apiKey, owners: [..], defaultFor?: [..] }]`.
   * @param source names the variable or file in errors, which never show the text: it holds keys
   * @throws Error
   */
  static parse(providerId: string, json: string, source: string): AccountRegistry {
    const accounts = plainToInstance(Account, parseArray(json, source));
    accounts.forEach((account, index) => {
      const [problem] = validateSync(account, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
      if (problem) throw new Error(`${source}: account ${index + 1}: ${problem.property} is missing, malformed or unknown.`);
    });
    for (const [index, { accountId, owners, defaultFor = [] }] of accounts.entries()) {
      const earlier = accounts.slice(0, index);
      if (earlier.some((other) => other.accountId === accountId)) throw new Error(`${source}: account ${accountId} is there twice.`);
      const stranger = defaultFor.find((owner) => !owners.includes(owner));
      if (stranger) throw new Error(`${source}: account ${accountId} is the default of ${stranger}, who is none of its owners.`);
      const twice = defaultFor.find((owner) => earlier.some((other) => other.defaultFor?.includes(owner)));
      if (twice) throw new Error(`${source}: ${twice} has two default accounts.`);
    }
    return new AccountRegistry(providerId, accounts);
  }

  /**
   * Whether the owner may use the account; without an account, the owner's only or default one. Somebody else's account is as
   * unknown as one that does not exist.
   * @throws FerryError UNKNOWN_ACCOUNT, ACCOUNT_REQUIRED
   */
  authorize(owner: string, accountId?: string): AuthorizeAccountAnswer {
    const { accountId: found, owners } = this.find(owner, accountId);
    return { accountId: found, shared: owners.length > 1 };
  }

  /** As authorize, with the credentials. For calls to the vendor only. */
  find(owner: string, accountId?: string): Account {
    const own = [...this.accounts.values()].filter(({ owners }) => owners.includes(owner));
    if (accountId !== undefined) {
      const account = own.find((candidate) => candidate.accountId === accountId);
      if (!account) throw unknownAccount(this.providerId);
      return account;
    }
    const only = own.length === 1 ? own[0] : own.find(({ defaultFor }) => defaultFor?.includes(owner));
    if (only) return only;
    if (own.length === 0) throw unknownAccount(this.providerId);
    const names = own.map((account) => account.accountId);
    const message = `You have several accounts at ${this.providerId}: name one of ${names.join(', ')}.`;
    throw new FerryError('ACCOUNT_REQUIRED', 'invalid', message, { accounts: names });
  }

  get size(): number {
    return this.accounts.size;
  }
}

const parseArray = (json: string, source: string): unknown[] => {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's own message shows a piece of the text.
    throw new Error(`${source} is not valid JSON.`);
  }
  if (!Array.isArray(value)) throw new Error(`${source} must be a JSON array of accounts.`);
  return value;
};
