/** @file The plans in flight: sent to the host, and what they gave not yet used. */
import type { HostEvents } from "../bridge/host-events.js";
import type { Host } from "./host.js";

/** What work hears of its host beside that it stopped, or that something failed. */
type Heard = Pick<HostEvents, "onResult"> & Partial<Pick<HostEvents, "onPart" | "onLog">>;

/** `T`: what is to be known of a plan when its result comes. */
export class Flight<T> {
  private readonly plans = new Map<number, T>();
  private readonly waiting = new Set<() => void>();
  private failure: Error | undefined;
  private halted = false;

  get size(): number {
    return this.plans.size;
  }

  /** Whether the host has dropped what was sent and had not begun. */
  get dropped(): boolean {
    return this.halted;
  }

  sent(number: number, what: T): void {
    this.plans.set(number, what);
  }

  /** What a plan gave was used: what is known of it, unless nobody waits for it. */
  landed(number: number): T | undefined {
    const what = this.plans.get(number);
    this.plans.delete(number);
    return what;
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

  /** A new host: nothing is in flight. It is heard from now on; what `onResult` throws is the work's error and not the bridge's. */
  listen(host: Host, { onResult, ...others }: Heard): void {
    this.clear();
    this.failure = undefined;
    this.halted = false;
    host.events = {
      ...others,
      onResult: (result) => {
        try {
          onResult(result);
        } catch (error) {
          this.fail(error as Error);
        }
      },
      onStopped: () => this.drop(),
      onFailed: (error) => this.fail(error),
    };
    void host.died.then((error) => this.fail(error));
  }

  clear(): void {
    this.plans.clear();
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
