import { createPolicy, type EvictionPolicy, type PolicyName } from '@ferry/eviction';

/** A cache that has a policy and a budget and no bytes: what it would have kept. */
export class ReplayedCache {
  private readonly policy: EvictionPolicy;
  private readonly cached = new Map<string, number>();
  private usedBytes = 0;

  constructor(
    policy: PolicyName,
    private readonly maxBytes: number,
  ) {
    this.policy = createPolicy(policy);
  }

  /** A file is asked for, and brought in where it is not there and can be. @returns whether it was there */
  ask(assetId: string, bytes: number, minute: number): boolean {
    if (this.cached.has(assetId)) {
      this.policy.touch(assetId, minute);
      return true;
    }
    if (this.makesRoom(bytes)) {
      this.cached.set(assetId, bytes);
      this.usedBytes += bytes;
      this.policy.put({ assetId, sizeBytes: bytes }, minute);
    }
    return false;
  }

  remove(assetId: string): void {
    this.usedBytes -= this.cached.get(assetId) ?? 0;
    this.cached.delete(assetId);
    this.policy.remove(assetId);
  }

  pin(assetId: string, isPinned: boolean): void {
    if (isPinned) this.policy.hold(assetId);
    else this.policy.release(assetId);
  }

  private makesRoom(bytes: number): boolean {
    if (bytes > this.maxBytes) return false;
    while (this.usedBytes + bytes > this.maxBytes) {
      const assetId = this.policy.next();
      if (assetId === undefined) return false;
      this.remove(assetId);
    }
    return true;
  }
}
