import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { answerFault } from './answer-fault';
import { control } from './control';
import { Counters } from './counters';
import { Faults } from './faults';
import { Limits } from './limits';
import { MultipartError } from './multipart';
import { ObjectStore } from './object-store';
import { openai } from './openai';
import { pixverse } from './pixverse';
import { sendJson, VendorError, type Call, type Vendor, type World } from './vendor';

export interface SimulatorOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Where bytes and what is known of them are kept; a restart on the same folder goes on with them. */
  readonly dataDir: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

export interface Simulator {
  /** Base URL of the PixVerse platform API, as in `https://app-api.pixverse.ai/openapi/v2`. */
  readonly pixverseUrl: string;
  /** Base URL of the OpenAI API, as in `https://api.openai.com/v1`. */
  readonly openaiUrl: string;
  readonly controlUrl: string;
  close(): Promise<void>;
}

/** Longer than any client keeps an idle connection, so that none is closed under a new request. */
const KEEP_ALIVE_MS = 120_000;

/** The API key in a call, whichever vendor it is for. */
const keyOf = ({ headers }: IncomingMessage): string => String(headers['api-key'] ?? headers.authorization ?? '').replace(/^Bearer /, '');

const accountOf = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 16);

const answerError = (vendor: Vendor, response: ServerResponse, error: unknown): void => {
  if (response.headersSent) return void response.destroy();
  const known = error instanceof VendorError;
  const bad = error instanceof MultipartError || error instanceof SyntaxError;
  if (!known && !bad) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  const { status, body } = known ? error : vendor.error(bad ? 400 : 500, bad ? error.message : 'The simulator failed.', bad ? 400017 : 99999);
  sendJson(response, status, body);
};

const serveVendor = async (vendor: Vendor, { faults, counters, limits }: Parts, request: IncomingMessage, response: ServerResponse, target: URLParts) => {
  const counts = counters.of(vendor.provider);
  const gone = new AbortController();
  counts.requests += 1;
  counts.open += 1;
  response.once('close', () => {
    counters.of(vendor.provider).open -= 1;
    if (!response.writableFinished) counts.aborted += 1;
    gone.abort();
  });
  try {
    const path = target.path.slice(vendor.prefix.length);
    const route = vendor.routes.find((candidate) => candidate.method === request.method && candidate.path.test(path));
    if (!route) {
      counts.unplanned += 1;
      throw vendor.error(404, `No such call: ${request.method} ${path}`);
    }
    counts.operations[route.operation] = (counts.operations[route.operation] ?? 0) + 1;
    counters.enter(vendor.provider, route.operation);
    response.once('close', () => counters.leave(vendor.provider, route.operation));
    const fault = faults.take({ provider: vendor.provider, operation: route.operation, path, key: keyOf(request) });
    if (fault?.latencyMs && request.method !== 'POST') await pause(fault.latencyMs, undefined, { signal: gone.signal });
    const account = route.open ? '' : accountOf(vendor.authenticate(request));
    const params = route.path.exec(path)!.slice(1);
    const call: Call = {
      ...{ provider: vendor.provider, operation: route.operation, request, response, query: target.query },
      ...{ params, fault, counts, limits, account, gone: gone.signal },
    };
    if (await answerFault(vendor, call)) return;
    // An answer without a connection goes nowhere.
    await route.answer(fault?.loseAnswer ? { ...call, response: new ServerResponse(request) } : call);
    if (fault?.loseAnswer) request.socket.resetAndDestroy();
  } catch (error) {
    // Nobody is there to hear of the error when the caller has hung up.
    if (!request.socket.destroyed) answerError(vendor, response, error);
  } finally {
    request.resume();
  }
};

interface URLParts {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Splits the target without normalising it: an encoded slash stays one. */
const split = (target: string): URLParts => {
  const mark = target.indexOf('?');
  return mark < 0 ? { path: target, query: new URLSearchParams() } : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark)) };
};

interface Parts {
  readonly vendors: readonly Vendor[];
  readonly counters: Counters;
  readonly faults: Faults;
  readonly limits: Limits;
  readonly serveControl: ReturnType<typeof control>;
}

const createVendorServer = (parts: Parts): Server => {
  const { vendors, serveControl } = parts;
  const server = createServer((request, response) => {
    const target = split(request.url ?? '/');
    const vendor = vendors.find(({ prefix }) => target.path.startsWith(`${prefix}/`));
    const served = vendor
      ? serveVendor(vendor, parts, request, response, target)
      : serveControl(request, response, target.path, target.query);
    served.catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      response.destroy();
    });
  });
  server.requestTimeout = 0;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
};

/**
 * Starts one HTTP server that behaves like the PixVerse and OpenAI APIs, on the loopback interface.
 * @throws Error with `code` EADDRINUSE when the port is taken
 */
export const startSimulator = async ({ port = 0, dataDir, host = '127.0.0.1' }: SimulatorOptions): Promise<Simulator> => {
  let advancedMs = 0;
  let origin = '';
  const store = await ObjectStore.open(dataDir);
  const world: World = { store, now: () => Date.now() + advancedMs, origin: () => origin };
  const vendors = [pixverse(world), openai(world)];
  const providers = vendors.map(({ provider }) => provider);
  const counters = new Counters(providers);
  const limits = new Limits(providers);
  const faults = new Faults();
  const operations = new Set(vendors.flatMap(({ provider, routes }) => routes.map(({ operation }) => `${provider}/${operation}`)));
  const serveControl = control({ world, counters, faults, limits, operations, advanceClock: (milliseconds) => (advancedMs += milliseconds) });

  const server = createVendorServer({ vendors, counters, faults, limits, serveControl }).listen(port, host);
  await once(server, 'listening');
  origin = `http://${host}:${(server.address() as AddressInfo).port}`;
  return {
    pixverseUrl: `${origin}/pixverse/openapi/v2`,
    openaiUrl: `${origin}/openai/v1`,
    controlUrl: `${origin}/control`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
