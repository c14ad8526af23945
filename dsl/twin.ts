/** @file How a twin follows its original. */
import { buffersOf, parametersOf } from "./compiled.js";
import type { TwinOptions } from "./method.js";

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
