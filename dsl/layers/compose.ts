/** @file Joining layers. */
import { remat } from "../core/compiled.js";
import { type Layer, module, moduleParts } from "../core/module.js";
import type { ShapeError } from "../core/shape.js";
import type { Images, ShowTensor, Tensor } from "../core/tensor.js";
import type { ChannelKeeping, ShapeKeeping } from "./layers.js";

// biome-ignore lint/suspicious/noExplicitAny: whatever its tensors are
type AnyLayer = Layer<any, any>;
type Input<L> = L extends (x: infer A extends Tensor) => unknown ? A : Tensor;
type Output<L> = L extends ((x: never) => infer B extends Tensor) ? B : Tensor;

/** What a layer gives for what it gets. */
type After<L, Before extends Tensor> = L extends ShapeKeeping
  ? Before
  : L extends ChannelKeeping
    ? Before extends Tensor<readonly [infer N extends number, infer C extends number, number, number]>
      ? Images<C, N>
      : Images
    : Output<L>;

type TakesWhatComesBefore<Before, L, At extends number> =
  Before extends Input<L>
    ? unknown
    : ShapeError<`layer ${At} takes ${ShowTensor<Input<L>>}, the one before gives ${ShowTensor<Before>}`>;

/** For each layer, whether its input type fits the output of the one before it. */
type Chain<
  L extends readonly unknown[],
  Before extends Tensor = Input<L[0]>,
  Seen extends readonly unknown[] = [],
> = L extends readonly [infer H, ...infer R]
  ? Chain<R, After<H, Before>, readonly [...Seen, TakesWhatComesBefore<Before, H, Seen["length"]>]>
  : number extends L["length"]
    ? readonly Repeated<L[number]>[]
    : Seen;
type Repeated<L> = Output<L> extends Input<L> ? unknown : ShapeError<`each layer ${Change<L>}`>;
type Change<L> = `takes ${ShowTensor<Input<L>>} and gives ${ShowTensor<Output<L>>}`;

/** What a chain of layers gives. */
type End<L extends readonly unknown[], Before extends Tensor = Input<L[0]>> = L extends readonly [
  infer H,
  ...infer R,
]
  ? End<R, After<H, Before>>
  : Before;

/** Layers one after the other, each taking what the one before it gives. Names: `0`, `1`, … */
export const sequential = <const L extends readonly AnyLayer[]>(
  ...layers: { readonly [K in keyof L]: L[K] & Chain<L>[K & keyof Chain<L>] }
): Layer<Input<L[0]>, End<L>> => joined(layers);

/** A list of layers, one after the other; where its length is not known, each gives what it takes. Names: `0`, `1`, … */
export const stack = <const L extends readonly AnyLayer[]>(
  layers: L & Chain<L>,
): Layer<Input<L[0]>, End<L>> => joined(layers);

const joined = (layers: readonly AnyLayer[]): AnyLayer =>
  module(Object.fromEntries(layers.map((layer, i) => [i, layer])), (children, x: Tensor) => {
    let y = x;
    for (const layer of Object.values(children)) y = layer(y);
    return y;
  });

type GivesWhatItTakes<L> =
  Output<L> extends Input<L> ? unknown : ShapeError<`residual: the body ${Change<L>}`>;

/** `x + body(x)`. */
export const residual = <L extends AnyLayer>(body: L & GivesWhatItTakes<L>): Layer<Input<L>, Input<L>> =>
  module({ body }, ({ body }, x: Input<L>): Input<L> => x.add(body(x)));

/**
 * A layer whose intermediate values are computed again for the gradient instead of being kept: see `remat`. The names of its
 * parameters do not change.
 */
export const checkpointed = <L extends AnyLayer>(layer: L): Layer<Input<L>, Output<L>> => {
  const { children, forward } = moduleParts(layer)!;
  return module(children, (children, x: Input<L>) => remat(() => forward(children, x) as Output<L>));
};
