/**
 * @file What a stage asks of whatever executes its programs. A host process behind a bridge answers it today
 * (`host-session.ts`), and tests answer it without one; a stage knows no socket.
 */
import type { IrModule } from "../../compiler/index.js";
import type { Catalogue } from "../../dsl/index.js";
import type { BridgeError } from "../bridge/bridge-error.js";
import type { HostEvents } from "../bridge/host-events.js";
import type { Written } from "../run/files.js";
import type { StepPlan } from "./planner.js";
import type { Vitals } from "./watch.js";

export interface LoadOptions {
  readonly device: string;
  readonly backend: string;
  readonly threads?: number | undefined;
}

/** A host: data sources and programs, each under a name. Every method rejects with a BridgeError. */
export interface Host extends Vitals {
  /** Who hears what the host tells unasked. */
  events: Partial<HostEvents>;
  /** Resolves when the host is gone, with the reason; calls that are waited for then reject with it. */
  readonly died: Promise<BridgeError>;
  /** Opens a data source under a name. */
  open(name: string, catalogue: Catalogue): Promise<void>;
  /** Compiles a program, whose storage holds nothing yet. */
  load(module: IrModule, options: LoadOptions): Promise<HostedProgram>;
  /** Asks for a halt after the running step; `events.onStopped` tells its number. */
  stop(): Promise<void>;
  /** Lets the host finish and go. */
  shutdown(): Promise<void>;
}

/** Where a program's state comes from that was saved. */
export interface Saved {
  readonly path: string;
  /** A file that has another hash than it was written with is refused as damaged (F2C6205). */
  readonly sha256: string | undefined;
  /** The step that comes next. */
  readonly step: number;
  /** That of the run's beginning. */
  readonly seed: number;
}

/** Pairs of images of a source, to be compared by a function's embeddings or, without one, by their mean-subtracted pixels. */
export interface Comparison {
  readonly source: string;
  readonly function: string | null;
  readonly batch: number;
  readonly images: Int32Array;
  /** Two positions in `images` a pair. */
  readonly positions: Int32Array;
}

export interface Similarities {
  /** The cosine of each pair. */
  readonly similarity: Float64Array;
  /** Positions in `images` of those for which others stood in. */
  readonly broken: Int32Array;
}

/** A program in a host. */
export interface HostedProgram {
  readonly parameters: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Fills the storage by its initialisers. */
  initialise(seed: number): Promise<void>;
  restore(saved: Saved): Promise<void>;
  /** Writes all tensors, unless one of `finite` holds NaN or infinity (F2C6207). */
  save(path: string, finite: readonly string[]): Promise<Written>;
  /** Sends a plan; `events.onStep` reports its step. */
  plan(plan: StepPlan): Promise<void>;
  similarities(comparison: Comparison): Promise<Similarities>;
  /** Writes what a function computes as a TorchScript file, and its weights as safetensors. */
  export(fn: string, torchscript: string, weights: string): Promise<void>;
}
