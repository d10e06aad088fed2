import { type Doc, doc, int } from '../bson/values';
import { MAX_DOCUMENT_BYTES } from '../storage/collection';
import { MAX_MESSAGE_BYTES } from '../wire/messages';
import type { Command, Request } from './command';

/** The version whose behaviour this server follows, and its wire version. */
const VERSION = [8, 0, 0, 0];
const MAX_WIRE_VERSION = 25;
const MAX_WRITE_BATCH = 100_000;
const SESSION_MINUTES = 30;

/** A standalone server: it has no transactions and no retryable writes, and drivers do not ask for them. */
const hello = ({ name, connectionId, now }: Request): Doc =>
  doc({
    [name === 'hello' ? 'isWritablePrimary' : 'ismaster']: true,
    helloOk: true,
    maxBsonObjectSize: int(MAX_DOCUMENT_BYTES),
    maxMessageSizeBytes: int(MAX_MESSAGE_BYTES),
    maxWriteBatchSize: int(MAX_WRITE_BATCH),
    localTime: now,
    logicalSessionTimeoutMinutes: int(SESSION_MINUTES),
    connectionId: int(connectionId),
    minWireVersion: int(0),
    maxWireVersion: int(MAX_WIRE_VERSION),
    readOnly: false,
    ok: 1,
  });

const buildInfo = (): Doc =>
  doc({
    version: VERSION.slice(0, 3).join('.'),
    versionArray: VERSION.map(int),
    gitVersion: 'ferry-embedded-development-server',
    modules: ['ferry-embedded'],
    bits: int(64),
    debug: false,
    maxBsonObjectSize: int(MAX_DOCUMENT_BYTES),
    storageEngines: ['sqlite'],
    ok: 1,
  });

const succeed = (): Doc => doc({ ok: 1 });

const HELLO_FIELDS = ['helloOk', 'client', 'compression', 'loadBalanced', 'saslSupportedMechs', 'speculativeAuthenticate', 'backpressure'];

export const handshakeCommands: Record<string, Command> = {
  hello: { fields: HELLO_FIELDS, run: hello },
  isMaster: { fields: HELLO_FIELDS, run: hello },
  ismaster: { fields: HELLO_FIELDS, run: hello },
  ping: { fields: [], run: succeed },
  buildInfo: { fields: [], run: buildInfo },
  buildinfo: { fields: [], run: buildInfo },
  startSession: { fields: [], run: succeed },
  endSessions: { fields: [], run: succeed },
  refreshSessions: { fields: [], run: succeed },
  connectionStatus: {
    fields: ['showPrivileges'],
    run: () => doc({ authInfo: doc({ authenticatedUsers: [], authenticatedUserRoles: [] }), ok: 1 }),
  },
};
