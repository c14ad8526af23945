/** @file What a host tells unasked: that it lives, what it has done, what went wrong. */
import type { BridgeError } from "./bridge-error.js";
import type { WireBuffer } from "./wire.js";

/** What a plan gave. */
export interface PlanResult {
  readonly program: string;
  readonly number: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** The tensors that the plan asked for. */
  readonly tensors: Readonly<Record<string, WireBuffer>>;
  /** Seconds of execution, and of waiting for images. */
  readonly seconds: number;
  readonly wait: number;
}

/** The host's last sign of life: what it does, and for how many seconds nothing was finished. */
export interface Heartbeat {
  /** The last finished plan, and its program. */
  readonly program: string | null;
  readonly number: number;
  readonly busy: string;
  readonly progress: number;
}

export interface HostEvents {
  onResult(result: PlanResult): void;
  /** A plan failed; of a message that nobody could read, not even the program may be known. */
  onFailed(error: BridgeError, program: string | undefined, number: number | undefined): void;
  /** The host halted: of each program the number of the last finished plan. */
  onStopped(numbers: Readonly<Record<string, number>>): void;
  /** How far the request that runs has come. */
  onPart(done: number, total: number): void;
  onLog(level: string, message: string): void;
}
