import { type Doc, doc, int } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import '../expressions/arithmetic';
import '../expressions/arrays';
import '../expressions/convert';
import '../expressions/date-text';
import '../expressions/dates';
import '../expressions/logic';
import '../expressions/objects';
import '../expressions/strings';
import { aggregateCommands } from './aggregate';
import { bulkWriteCommands } from './bulk-write';
import { catalogCommands } from './catalog';
import { checkRequest, deadlineOf, type Command, type Request } from './command';
import { explainCommands } from './explain';
import { findAndModifyCommands } from './find-and-modify';
import { handshakeCommands } from './handshake';
import { readCommands } from './read';
import { writeCommands } from './write';

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [handshakeCommands, readCommands, writeCommands, findAndModifyCommands, aggregateCommands, catalogCommands, explainCommands, bulkWriteCommands].flatMap((group) => Object.entries(group)),
);

const TRANSACTION_COMMANDS = new Set(['commitTransaction', 'abortTransaction']);

/** Commands of MongoDB that are refused by name; all others that are not there are unknown. */
const REFUSED_COMMANDS = new Set([
  'collMod', 'cloneCollectionAsCapped', 'compact', 'convertToCapped', 'createSearchIndexes', 'createUser', 'currentOp', 'dataSize',
  'dbHash', 'dbStats', 'dropUser', 'filemd5', 'fsync', 'getCmdLineOpts', 'getLog', 'getParameter', 'hostInfo', 'killOp', 'listCommands',
  'mapReduce', 'planCacheClear', 'profile', 'reIndex', 'replSetGetStatus', 'saslContinue', 'saslStart', 'serverStatus', 'setParameter',
  'shutdown', 'top', 'usersInfo', 'validate', 'killSessions', 'killAllSessions', 'whatsmyuri',
]);

/** Runs a command; whatever it throws becomes an error reply. */
export function dispatch(request: Request): Doc {
  try {
    const { name } = request;
    if (TRANSACTION_COMMANDS.has(name)) throw new MongoError(20, 'Transactions are only there on a replica set member or mongos');
    const command = COMMANDS.get(name);
    if (!command && REFUSED_COMMANDS.has(name)) throw notSupported(`The command ${name}`);
    if (!command) throw new MongoError(59, `no such command: '${name}'`);
    checkRequest(request, command);
    return command.run({ ...request, deadline: deadlineOf(request.body) });
  } catch (error) {
    return errorReply(error);
  }
}

export function errorReply(error: unknown): Doc {
  const known = error instanceof MongoError ? error : new MongoError(1, error instanceof Error ? error.message : String(error));
  const reply = doc({ ok: 0, errmsg: known.message, code: int(known.code), codeName: known.codeName });
  for (const [name, value] of known.info ?? []) reply.set(name, value);
  return reply;
}
