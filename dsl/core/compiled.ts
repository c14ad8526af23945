/** @file What a compiled function may ask of its surroundings. The compiler answers; in Node these only throw. */
import { intrinsic } from "./intrinsic.js";
import type { Tensors } from "./tensor.js";

/**
 * Whether the function is being compiled for training (`step`) or for use (`embed`). A build-time value: `if` on it
 * leaves no trace in the program.
 */
export const training: () => boolean = intrinsic("training()");

/** Computes `body` as it would be outside training: BatchNorm with running statistics, no dropout. */
export const evaluating: <T>(body: () => T) => T = intrinsic("evaluating()");

/** Computes `body` without recording gradients. */
export const noGrad: <T>(body: () => T) => T = intrinsic("noGrad()");

/**
 * Computes `body` and keeps only its results for the gradient; what it computes on the way is computed a second time then.
 * Less memory for more time (Chen et al. 2016, arXiv 1604.06174). Nothing random and no write may be inside; BatchNorm moves its
 * statistics once.
 */
export const remat: <T>(body: () => T) => T = intrinsic("remat()");

/** The parameters of a net or of its twin, in order, as one group. */
export const parametersOf: (net: unknown) => Tensors = intrinsic("parametersOf()");

/** The floating-point states of a net or of its twin (running statistics), in order, as one group. */
export const buffersOf: (net: unknown) => Tensors = intrinsic("buffersOf()");
