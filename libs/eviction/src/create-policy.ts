import { GdsfPolicy } from './gdsf';
import { LruPolicy } from './lru';
import type { EvictionPolicy, PolicyName } from './policy';
import { SievePolicy } from './sieve';

const POLICIES: Readonly<Record<PolicyName, new () => EvictionPolicy>> = { lru: LruPolicy, gdsf: GdsfPolicy, sieve: SievePolicy };

/** A policy that knows no file yet. */
export const createPolicy = (name: PolicyName): EvictionPolicy => new POLICIES[name]();
