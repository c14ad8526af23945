/**
 * @file What a stage asks of whatever executes its programs. A host process behind a bridge answers it today
 * (`host-session.ts`), and tests answer it without one; a stage knows no socket.
 */
import type { IrModule } from "../../compiler/index.js";
import type { Catalogue } from "../../dsl/index.js";
import type { BridgeError } from "../bridge/bridge-error.js";
import type { HostEvents } from "../bridge/host-events.js";
import type { EvaluatedProgram } from "../evaluate/evaluated-program.js";
import type { Written } from "../run/files.js";
import type { Vitals } from "./watch.js";

export interface LoadOptions {
  readonly device: string;
  readonly backend: string;
  readonly threads?: number | undefined;
  /** Files that the program's state starts from, by the names that it gives them. */
  readonly files?: Readonly<Record<string, WeightsFile>>;
}

/** A safetensors file. One of another hash is refused; what nothing starts from is of training alone, or was said when the program was compiled. */
export interface WeightsFile {
  readonly path: string;
  readonly sha256: string;
}

/** A host: data sources and programs, each under a name. Every method rejects with a BridgeError. */
export interface Host extends Vitals {
  /** Who hears what the host tells unasked. */
  events: Partial<HostEvents>;
  /** Resolves when the host is gone, with the reason; calls that are waited for then reject with it. */
  readonly died: Promise<BridgeError>;
  /** Opens a data source under a name. */
  open(name: string, catalogue: Catalogue): Promise<void>;
  /** What files end in that these exporters write. Rejects for one that the host does not have (F2C6317), or that lacks a package (F2C6319). */
  exporters(names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** Compiles a program under a name, in the place of the one that had it; its storage holds nothing yet. */
  load(name: string, module: IrModule, options: LoadOptions): Promise<HostedProgram>;
  /** Asks for a halt after the running plan; `events.onStopped` tells how far each program is. */
  stop(): Promise<void>;
  /** Lets the host finish and go. */
  shutdown(): Promise<void>;
}

/** Where a program's state comes from that was saved. */
export interface Saved {
  readonly path: string;
  /** A file that has another hash than it was written with is refused as damaged (F2C6205). */
  readonly sha256: string | undefined;
  /** The number of the plan that comes next. */
  readonly next: number;
  /** That of the run's beginning. */
  readonly seed: number;
}

/** One call of a function of a program, and all that it needs. */
export interface Plan {
  readonly function: string;
  /** Counts the plans of a program, across its functions. */
  readonly number: number;
  /** The source of each stream of images, whose indices are the array `<stream>.images`. */
  readonly streams: Readonly<Record<string, string>>;
  readonly scalars: Readonly<Record<string, number | boolean>>;
  readonly arrays: Readonly<Record<string, Int32Array | Uint8Array | Float32Array>>;
  /** Tensors that the function returns and that are wanted here. */
  readonly returns?: readonly string[];
  /** Numbers that it returns and that must be finite; one that is not fails the plan (F2C6301). */
  readonly finite?: readonly string[];
}

/** A program in a host. */
export interface HostedProgram extends EvaluatedProgram {
  readonly name: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Fills the storage by its initialisers; `next` is the number of the first plan, 0 if not given. */
  initialise(seed: number, next?: number): Promise<void>;
  restore(saved: Saved): Promise<void>;
  /** Writes all tensors, unless one of `finite` holds NaN or infinity (F2C6207). */
  save(path: string, finite: readonly string[]): Promise<Written>;
  /** Sends a plan; `events.onResult` tells what it gave. */
  plan(plan: Plan): Promise<void>;
  /** Writes a function as a file of the exporter `to`, with facts about it; resolves to what is to be said of the file. */
  export(
    fn: string,
    to: string,
    path: string,
    about: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, unknown>>>;
  /** Frees what it holds in the host. */
  unload(): Promise<void>;
}
