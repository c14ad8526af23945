/** @file Joining layers. */
import { type Layer, module } from "../module.js";
import type { Tensor } from "../tensor.js";

type T = Tensor;

/** Layers one after the other, each taking what the one before it gives. Names: `0`, `1`, … */
export function sequential<A extends T, B extends T>(a: Layer<A, B>): Layer<A, B>;
export function sequential<A extends T, B extends T, C extends T>(
  a: Layer<A, B>,
  b: Layer<B, C>,
): Layer<A, C>;
export function sequential<A extends T, B extends T, C extends T, D extends T>(
  a: Layer<A, B>,
  b: Layer<B, C>,
  c: Layer<C, D>,
): Layer<A, D>;
export function sequential<A extends T, B extends T, C extends T, D extends T, E extends T>(
  a: Layer<A, B>,
  b: Layer<B, C>,
  c: Layer<C, D>,
  d: Layer<D, E>,
): Layer<A, E>;
export function sequential<A extends T, B extends T, C extends T, D extends T, E extends T, F extends T>(
  a: Layer<A, B>,
  b: Layer<B, C>,
  c: Layer<C, D>,
  d: Layer<D, E>,
  e: Layer<E, F>,
): Layer<A, F>;
export function sequential<
  A extends T,
  B extends T,
  C extends T,
  D extends T,
  E extends T,
  F extends T,
  G extends T,
>(
  a: Layer<A, B>,
  b: Layer<B, C>,
  c: Layer<C, D>,
  d: Layer<D, E>,
  e: Layer<E, F>,
  f: Layer<F, G>,
): Layer<A, G>;
export function sequential<
  A extends T,
  B extends T,
  C extends T,
  D extends T,
  E extends T,
  F extends T,
  G extends T,
  H extends T,
>(
  a: Layer<A, B>,
  b: Layer<B, C>,
  c: Layer<C, D>,
  d: Layer<D, E>,
  e: Layer<E, F>,
  f: Layer<F, G>,
  g: Layer<G, H>,
): Layer<A, H>;
export function sequential(...layers: Layer[]): Layer {
  return stack(layers);
}

/** Any number of layers of one type, one after the other. Names: `0`, `1`, … */
export const stack = <X extends T>(layers: readonly Layer<X, X>[]): Layer<X, X> =>
  module(Object.fromEntries(layers.map((layer, i) => [i, layer])), (children, x: X): X => {
    let y = x;
    for (const layer of Object.values(children)) y = layer(y);
    return y;
  });

/** `x + body(x)`. */
export const residual = <X extends T>(body: Layer<X, X>): Layer<X, X> =>
  module({ body }, ({ body }, x: X): X => x.add(body(x) as never) as unknown as X);
