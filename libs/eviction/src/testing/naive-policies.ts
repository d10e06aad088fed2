import type { EvictableFile, EvictionPolicy, PolicyName } from '../policy';

interface Known {
  readonly assetId: string;
  held: boolean;
  minute: number;
  frequency: number;
  worth: number;
  priority: number;
  visited: boolean;
}

/** The definitions of the policies, word for word, in lists that are searched from end to end. */
abstract class NaivePolicy implements EvictionPolicy {
  /** Those held last; the others in the order in which they came or were released. */
  protected files: Known[] = [];

  get size(): number {
    return this.files.length;
  }

  put({ assetId, sizeBytes, cost = 1 }: EvictableFile, minute: number): void {
    const worth = cost / Math.max(1, sizeBytes);
    const known = this.find(assetId);
    if (known) {
      known.worth = worth;
      return this.used(known, minute);
    }
    const file = { assetId, held: false, minute, frequency: 1, worth, priority: 0, visited: false };
    this.files.push(file);
    this.came(file);
  }

  touch(assetId: string, minute: number): void {
    const file = this.find(assetId);
    if (file) this.used(file, minute);
  }

  remove(assetId: string): void {
    const file = this.find(assetId);
    if (file && !file.held) this.left(file);
    this.files = this.files.filter((other) => other !== file);
  }

  hold(assetId: string): void {
    const file = this.find(assetId);
    if (!file || file.held) return;
    this.left(file);
    file.held = true;
  }

  release(assetId: string): void {
    const file = this.find(assetId);
    if (!file?.held) return;
    file.held = false;
    this.files = [...this.files.filter((other) => other !== file), file];
  }

  abstract next(): string | undefined;

  protected get free(): Known[] {
    return this.files.filter(({ held }) => !held);
  }

  protected came(_file: Known): void {}

  protected left(_file: Known): void {}

  protected used(file: Known, minute: number): void {
    file.minute = Math.max(file.minute, minute);
    file.frequency += 1;
    file.visited = true;
  }

  private find(assetId: string): Known | undefined {
    return this.files.find((file) => file.assetId === assetId);
  }
}

const byAge = (a: Known, b: Known): number => a.minute - b.minute || (a.assetId < b.assetId ? -1 : 1);

class NaiveLru extends NaivePolicy {
  next(): string | undefined {
    return this.free.sort(byAge)[0]?.assetId;
  }
}

class NaiveGdsf extends NaivePolicy {
  private l = 0;

  next(): string | undefined {
    const [lowest] = this.free.sort((a, b) => a.priority - b.priority || byAge(a, b));
    if (lowest && lowest.priority > this.l) this.l = lowest.priority;
    return lowest?.assetId;
  }

  protected override came(file: Known): void {
    file.priority = this.l + file.worth;
  }

  protected override used(file: Known, minute: number): void {
    super.used(file, minute);
    file.priority = this.l + file.frequency * file.worth;
  }
}

class NaiveSieve extends NaivePolicy {
  /** Among those not held, the oldest first. */
  private hand = 0;

  next(): string | undefined {
    const { free } = this;
    if (!free.length) return undefined;
    while (free[this.hand]!.visited) {
      free[this.hand]!.visited = false;
      this.hand = (this.hand + 1) % free.length;
    }
    return free[this.hand]!.assetId;
  }

  protected override left(file: Known): void {
    const { free } = this;
    if (free.indexOf(file) < this.hand) this.hand -= 1;
    else if (this.hand === free.length - 1) this.hand = 0;
  }
}

export const MODELS: Readonly<Record<PolicyName, new () => EvictionPolicy>> = { lru: NaiveLru, gdsf: NaiveGdsf, sieve: NaiveSieve };
