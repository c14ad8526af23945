/** @file A twin: a second copy of a net that gets no gradient, and how it follows its original. */
import { buffersOf, parametersOf } from "../core/compiled.js";
import { type AnyModule, MODULE, moduleParts, standIn } from "../core/module.js";

export const TWIN = Symbol.for("f2c-dsl.twin");

export interface TwinOptions {
  /**
   * The twin's BatchNorm running statistics: `own` moves them by its own batches (as the F2C code), `average` averages
   * the original's like its weights, `copy` takes the original's.
   */
  buffers?: "own" | "average" | "copy";
  /** The statistics with which the twin's BatchNorm normalises inside the step: the batch's, or the running ones. */
  statistics?: "batch" | "running";
}

/** A second copy of a net that gets no gradient: it starts equal, and the step decides how it follows. */
export type Twin<M extends AnyModule = AnyModule> = M & {
  readonly [TWIN]: { readonly of: AnyModule; readonly options: Required<TwinOptions> };
};

/** The twin of `net`. Calling it records no gradient. */
export const twin = <M extends AnyModule>(net: M, options: TwinOptions = {}): Twin<M> =>
  standIn("a twin", {
    [MODULE]: moduleParts(net),
    [TWIN]: {
      of: net,
      options: { buffers: options.buffers ?? "own", statistics: options.statistics ?? "batch" },
    },
  });

export const twinParts = (value: unknown) =>
  typeof value === "function" ? (value as unknown as Twin)[TWIN] : undefined;

/**
 * Moves a twin towards its original: twin = momentum * twin + (1 - momentum) * original, over the parameters, and over
 * BatchNorm's running statistics as the twin's `buffers` option says. Compiled.
 */
export const follow = (
  twin: unknown,
  original: unknown,
  momentum: number,
  buffers: Required<TwinOptions>["buffers"],
): void => {
  parametersOf(twin).foreach_lerp_(parametersOf(original), 1 - momentum);
  if (buffers === "average") buffersOf(twin).foreach_lerp_(buffersOf(original), 1 - momentum);
  if (buffers === "copy") buffersOf(twin).foreach_copy_(buffersOf(original));
};
