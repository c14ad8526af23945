/** @file What a host tells unasked: that it lives, what it has done, what went wrong. */
import type { BridgeError } from "./bridge-error.js";

export interface StepDone {
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Seconds of execution, and of waiting for images. */
  readonly seconds: number;
  readonly wait: number;
}

/** The host's last sign of life: what it does, and for how many seconds nothing was finished. */
export interface Heartbeat {
  readonly step: number;
  readonly busy: string;
  readonly progress: number;
}

export interface HostEvents {
  onStep(done: StepDone): void;
  onFailed(error: BridgeError, step: number | undefined): void;
  onStopped(step: number): void;
  /** How far the request that runs has come. */
  onPart(done: number, total: number): void;
  onLog(level: string, message: string): void;
}
