/** @file A net: a function that builds a module for images of a given shape, and the length of its embeddings. */
import type { Module } from "../core/module.js";
import type { ShapeError } from "../core/shape.js";
import type { Features, Images, ShowTensor, Tensor } from "../core/tensor.js";
import type { Setting } from "./method.js";

/** A net, or how to build one for images of a given shape. */
export type NetBuilder<M extends Module = Module> = (shape: Setting["shape"]) => M;
export type Net = NetBuilder<Module<[x: Images], Features>> & { readonly embedding: number };

type EmbeddingCheck<M, E extends number> = M extends (x: never) => infer R
  ? R extends Features<E>
    ? unknown
    : ShapeError<`the net gives ${ShowTensor<R>}, embeddings of ${E} are ${ShowTensor<Features<E>>}`>
  : unknown;

/** Names a function that builds a net, and the length of its embeddings. */
export const net = <const E extends number, M extends Module<[x: Images], Tensor>>(
  embedding: E,
  build: NetBuilder<M & EmbeddingCheck<M, E>>,
): Net => Object.assign(build as NetBuilder<Module>, { embedding });
