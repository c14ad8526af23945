/** @file The steps in flight: sent to the host, not yet reported. */

/** A plan's scalars: the policies that were in force. */
export type Policies = Readonly<Record<string, number | boolean>>;

export class Flight {
  private readonly steps = new Map<number, Policies>();
  private readonly waiting = new Set<() => void>();
  private failure: Error | undefined;
  private halted = false;

  get size(): number {
    return this.steps.size;
  }

  /** Whether the host has dropped what was sent and had not begun. */
  get dropped(): boolean {
    return this.halted;
  }

  sent(step: number, policies: Policies): void {
    this.steps.set(step, policies);
  }

  /** A step was reported: its policies, unless nobody waits for it. */
  landed(step: number): Policies | undefined {
    const policies = this.steps.get(step);
    this.steps.delete(step);
    return policies;
  }

  /** The host stopped: what is still here will not come. */
  drop(): void {
    this.halted = true;
    this.wake();
  }

  /** Whoever waits, now or later, gets this error; the first one counts. */
  fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }

  clear(): void {
    this.steps.clear();
  }

  /** A new host: nothing is in flight, nothing has failed. */
  reset(): void {
    this.clear();
    this.failure = undefined;
    this.halted = false;
  }

  /** Lets those who wait look again. */
  wake(): void {
    for (const look of this.waiting) look();
    this.waiting.clear();
  }

  /** Waits until `ready`; throws as soon as something has failed. */
  async until(ready: () => boolean): Promise<void> {
    for (;;) {
      if (this.failure) throw this.failure;
      if (ready()) return;
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }
}
