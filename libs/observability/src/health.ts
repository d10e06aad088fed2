/** True, or why not. */
export type HealthState = true | string;

/** What /readyz answers: each part of a service says whether it can work now. */
export class Health {
  private readonly checks = new Map<string, () => HealthState>();

  register(name: string, check: () => HealthState): void {
    this.checks.set(name, check);
  }

  report(): { ok: boolean; checks: Record<string, HealthState> } {
    const checks = Object.fromEntries([...this.checks].map(([name, check]) => [name, check()]));
    return { ok: Object.values(checks).every((state) => state === true), checks };
  }
}
