import { FerryError } from '@ferry/kernel';
import { randomUUID } from 'node:crypto';

/** Leases at a time; a holder that dies frees its own within a minute. */
const MAX_LEASES = 10_000;

export interface Lease {
  readonly leaseId: string;
  readonly owner: string;
  readonly assetId: string;
  readonly holder: string;
  /** Of the clock given to the constructor, in milliseconds. */
  readonly endsAt: number;
}

/** Short claims on cached files, in memory: a leased file is not evicted. */
export class Leases {
  private readonly byId = new Map<string, Lease>();
  /** One per asset and holder, so that a request that comes twice is one lease. */
  private readonly byHolder = new Map<string, string>();
  private readonly perAsset = new Map<string, number>();

  /**
   * @param now a clock that never goes backwards, in milliseconds
   * @param onChange told when an asset gets its first lease, and when it has lost its last one
   * @param newId names a new lease
   */
  constructor(
    private readonly now: () => number,
    private readonly onChange: (assetId: string, isLeased: boolean) => void = () => undefined,
    private readonly newId: () => string = randomUUID,
  ) {}

  get count(): number {
    this.sweep();
    return this.byId.size;
  }

  /** @throws FerryError TOO_MANY_LEASES */
  acquire(owner: string, assetId: string, holder: string, ttlMs: number): Lease {
    const held = this.byHolder.get(holderKey({ owner, assetId, holder }));
    if (this.byId.size >= MAX_LEASES) this.sweep();
    if (!held && this.byId.size >= MAX_LEASES) {
      throw new FerryError('TOO_MANY_LEASES', 'throttled', `The cache has ${MAX_LEASES} leases at once. Release some, or try again in a minute.`);
    }
    return this.put({ leaseId: held ?? this.newId(), owner, assetId, holder, endsAt: this.now() + ttlMs });
  }

  /** @throws FerryError LEASE_ENDED */
  renew(owner: string, leaseId: string, ttlMs: number): Lease {
    const lease = this.byId.get(leaseId);
    if (!lease || lease.owner !== owner || lease.endsAt <= this.now()) {
      throw new FerryError('LEASE_ENDED', 'not-found', 'The lease has ended. Acquire a new one.');
    }
    return this.put({ ...lease, endsAt: this.now() + ttlMs });
  }

  /** One that has ended already, or is another owner's, changes nothing. */
  release(owner: string, leaseId: string): void {
    const lease = this.byId.get(leaseId);
    if (lease?.owner === owner) this.drop(lease);
  }

  /** Ends those whose time is over. */
  sweep(): void {
    const now = this.now();
    for (const lease of this.byId.values()) if (lease.endsAt <= now) this.drop(lease);
  }

  private put(lease: Lease): Lease {
    if (!this.byId.has(lease.leaseId)) this.add(lease.assetId, 1);
    this.byId.set(lease.leaseId, lease);
    this.byHolder.set(holderKey(lease), lease.leaseId);
    return lease;
  }

  private drop(lease: Lease): void {
    if (this.byId.delete(lease.leaseId)) this.add(lease.assetId, -1);
    this.byHolder.delete(holderKey(lease));
  }

  private add(assetId: string, by: 1 | -1): void {
    const before = this.perAsset.get(assetId) ?? 0;
    if (before + by) this.perAsset.set(assetId, before + by);
    else this.perAsset.delete(assetId);
    if (before === 0 || before + by === 0) this.onChange(assetId, before === 0);
  }
}

const holderKey = ({ owner, assetId, holder }: Pick<Lease, 'owner' | 'assetId' | 'holder'>): string => `${owner}/${assetId}/${holder}`;
