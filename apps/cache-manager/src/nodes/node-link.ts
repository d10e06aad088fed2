import { CacheNodeRequest, cacheNodeSubject, type CacheNodeCall } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { validated, type Listener, type Messaging } from '@ferry/messaging';
import type { LiveNodes } from './live-nodes';
import { REQUESTS, type AnswerOf, type NodeCalls, type RequestOf } from './node-calls';

type Route = (call: CacheNodeCall, request: never) => Promise<unknown>;

/** Asks one node, this one or another. What another one is asked it answers by itself. */
export class NodeLink {
  private listener: Listener | undefined;
  private here: NodeCalls | undefined;

  constructor(
    private readonly messaging: Messaging,
    private readonly nodes: LiveNodes,
  ) {}

  /**
   * @param here answers what this node is asked
   * @param route finds the node for a request that a node which is starting handed on
   */
  listen(here: NodeCalls, route: Route): void {
    this.here = here;
    this.listener = this.messaging.respond(cacheNodeSubject(this.nodes.nodeId), CacheNodeRequest, ({ call, request, handOn }) => {
      const data = validated<object>(REQUESTS[call], request) as never;
      return handOn ? route(call, data) : this.answer(call, data);
    });
  }

  close(): void {
    this.listener?.close();
  }

  /** @throws FerryError the node's own; SERVICE_UNAVAILABLE where it is gone (`isGone` tells), REQUEST_TIMEOUT */
  async ask<C extends CacheNodeCall>(nodeId: string, call: C, request: RequestOf<C>, { timeoutMs, handOn = false }: { timeoutMs: number; handOn?: boolean }): Promise<AnswerOf<C>> {
    if (nodeId === this.nodes.nodeId) return this.answer(call, request);
    try {
      return await this.messaging.request<AnswerOf<C>>(cacheNodeSubject(nodeId), { call, request, handOn }, { timeoutMs });
    } catch (error) {
      if (isGone(error, nodeId)) this.nodes.gone(nodeId);
      throw error;
    }
  }

  private async answer<C extends CacheNodeCall>(call: C, request: RequestOf<C>): Promise<AnswerOf<C>> {
    if (!this.here) throw new FerryError('CACHE_NOT_READY', 'unavailable', 'The cache node is starting. Try again in some seconds.');
    return this.here[call](request);
  }
}

/** Nobody answers in the node's name: it has done nothing. */
export const isGone = (error: unknown, nodeId: string): boolean => {
  const { code, details } = error as FerryError;
  return code === 'SERVICE_UNAVAILABLE' && details?.['subject'] === cacheNodeSubject(nodeId);
};
