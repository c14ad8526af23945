/** @file Joining layers. */
import { remat } from "../core/compiled.js";
import { type Layer, module, moduleParts } from "../core/module.js";
import type { Last, LastFits, ReplaceLast, Shape, ShapeError } from "../core/shape.js";
import type { Images, ShapeOf, ShowTensor, Tensor } from "../core/tensor.js";
import type { gives, keeps, LastDimension, takes } from "./keeping.js";

// biome-ignore lint/suspicious/noExplicitAny: whatever its tensors are
type AnyLayer = Layer<any, any>;

type Input<L> = L extends { readonly [keeps]: "last"; readonly [takes]: infer A extends Tensor }
  ? A
  : L extends (x: infer A extends Tensor) => unknown
    ? A
    : Tensor;
type Output<L> = L extends { readonly [keeps]: "last"; readonly [gives]: infer B extends Tensor }
  ? B
  : L extends (x: never) => infer B
    ? B extends Tensor
      ? B
      : Tensor
    : Tensor;

/** What a layer gives for what it gets. */
type After<L, Before extends Tensor> = L extends { readonly [keeps]: infer K }
  ? K extends "shape"
    ? Before
    : K extends "channels"
      ? Before extends Tensor<readonly [infer N extends number, infer C extends number, number, number]>
        ? Images<C, N>
        : Images
      : number extends ShapeOf<Before>["length"]
        ? Output<L>
        : Tensor<ReplaceLast<ShapeOf<Before>, Last<ShapeOf<Output<L>>>>, "f32">
  : Output<L>;

/** `unknown` where what takes `A` takes `B`. Without a rank, assignments do not see the last dimension. */
type Takes<A, B, Otherwise> = B extends A ? LastFits<ShapeOf<B>, ShapeOf<A>, Otherwise> : Otherwise;
type TakesWhatComesBefore<Before, L, At extends number> = At extends 0
  ? unknown
  : Takes<
      Input<L>,
      Before,
      ShapeError<`layer ${At} takes ${ShowTensor<Input<L>>}, the one before gives ${ShowTensor<Before>}`>
    >;

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
type Repeated<L> = Takes<Input<L>, Output<L>, ShapeError<`each layer ${Change<L>}`>>;
type Change<L> = `takes ${ShowTensor<Input<L>>} and gives ${ShowTensor<Output<L>>}`;

/** What a chain of layers gives. */
type End<L extends readonly unknown[], Before extends Tensor = Input<L[0]>> = L extends readonly [
  infer H,
  ...infer R,
]
  ? End<R, After<H, Before>>
  : Before;

/** A layer from `A` to `B`: where only their last dimensions are known, a layer along it. */
type Between<A extends Tensor, B extends Tensor> = number extends ShapeOf<B>["length"]
  ? ShapeOf<B> extends readonly [...unknown[], unknown]
    ? LastDimension<Last<ShapeOf<A>>, Last<ShapeOf<B>>>
    : Layer<A, B>
  : number extends ShapeOf<A>["length"]
    ? Layer<Tensor<Shape, "f32">, B>
    : Layer<A, B>;

/** Layers one after the other, each taking what the one before it gives. Names: `0`, `1`, … */
export const sequential = <const L extends readonly AnyLayer[]>(
  ...layers: { readonly [K in keyof L]: L[K] & Chain<L>[K & keyof Chain<L>] }
): Between<Input<L[0]>, End<L>> => joined(layers) as never;

/** A list of layers, one after the other; where its length is not known, each gives what it takes. Names: `0`, `1`, … */
export const stack = <const L extends readonly AnyLayer[]>(
  layers: L & Chain<L>,
): Between<Input<L[0]>, End<L>> => joined(layers) as never;

const joined = (layers: readonly AnyLayer[]): AnyLayer =>
  module(Object.fromEntries(layers.map((layer, i) => [i, layer])), (children, x: Tensor) => {
    let y = x;
    for (const layer of Object.values(children)) y = layer(y);
    return y;
  });

type GivesWhatItTakes<L> = Takes<Input<L>, Output<L>, ShapeError<`residual: the body ${Change<L>}`>>;

/** `x + body(x)`. */
export const residual = <L extends AnyLayer>(body: L & GivesWhatItTakes<L>): Between<Input<L>, Input<L>> =>
  module({ body }, ({ body }, x: Tensor) => x.add(body(x as never))) as never;

/**
 * A layer whose intermediate values are computed again for the gradient instead of being kept: see `remat`. The names of its
 * parameters do not change.
 */
export const checkpointed = <L extends AnyLayer>(layer: L): Between<Input<L>, Output<L>> => {
  const { children, forward } = moduleParts(layer)!;
  return module(children, (children, x: Tensor) => remat(() => forward(children, x))) as never;
};
