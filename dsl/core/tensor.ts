/** @file The values of compiled functions. None of them exists in Node: they are names that the compiler follows. */
import type { TensorMethods, TensorsMethods } from "./ops.generated.js";
import type {
  AsCheck,
  DType,
  Joins,
  Mixes,
  Same,
  Shape,
  ShapeError,
  ShapeValue,
  Show,
  Sizes,
} from "./shape.js";

declare const dims: unique symbol;

// A base interface of its own: TypeScript reports the first property that differs, and `[dims]`, of the derived one, makes
// the best message.
interface Sized<S extends Shape> {
  /** The sizes, as run-time scalars. */
  readonly shape: ShapeValue<S>;
}

/**
 * A tensor in a compiled function. `S` holds its sizes, `number` where the compiler decides; `D` its dtype.
 *
 * Methods are the ops of the registry; `docs/ops.md` lists them.
 */
export interface Tensor<S extends Shape = Shape, D extends DType = DType> extends TensorMethods, Sized<S> {
  /** For the editor alone: what assignments compare. */
  readonly [dims]: Sizes<S>;
  readonly dtype: D;
  /** The same tensor under a more exact type, which the compiler checks: `x.as<[Dim<"B">, 512]>()`. */
  as<T extends Shape & AsCheck<S, T>>(): Tensor<Readonly<T>, D>;
  /**
   * Of a trained parameter, in a step: the rows that `index` names. The gradient is taken by them, and the optimizer moves them and
   * their slots, and no other row. See docs/optimizers.md.
   */
  rows<T extends Shape, E extends DType>(
    this: Tensor<T, E>,
    index: Tensor<readonly [number], "i64">,
  ): Tensor<Rows<T>, E>;
}

/** As many rows as an index has places, each as long as a row of `S`. */
type Rows<S extends Shape> = S extends readonly [unknown, ...infer Row extends readonly number[]]
  ? readonly [number, ...Row]
  : Shape;

/** One tensor for each member of the group `G`: a net's parameters, their gradients, an optimizer's buffers. */
export interface Tensors<G extends string = string> extends TensorsMethods {
  readonly group: G;
}

export type ShapeOf<T> = T extends Tensor<infer S> ? S : Shape;
export type DTypeOf<T> = T extends { readonly dtype: infer D extends DType } ? D : DType;

/** In words, why the first tensor of `Rest` that does not fit `First` cannot be joined with it along `A`. */
type Odd<First, Rest, A extends number, No> = Rest extends readonly [infer H, ...infer T]
  ? Same<Joins<ShapeOf<H>, ShapeOf<First>, A>, No> extends true
    ? `${Show<ShapeOf<First>>} and ${Show<ShapeOf<H>>} differ${Outside<A>}`
    : Same<Mixes<DTypeOf<H>, DTypeOf<First>>, No> extends true
      ? `${DTypeOf<First>} and ${DTypeOf<H>} do not mix`
      : Odd<First, T, A, No>
  : never;
type Outside<A extends number> = [A] extends [never] ? "" : ` outside dimension ${A}`;

export type CatCheck<T extends readonly unknown[], A extends number, No = false> = [
  Odd<T[0], T, A, No>,
] extends [never]
  ? unknown
  : ShapeError<`cat: ${Odd<T[0], T, A, No>}`>;
export type StackCheck<T extends readonly unknown[], No = false> = [Odd<T[0], T, never, No>] extends [never]
  ? unknown
  : ShapeError<`stack: ${Odd<T[0], T, never, No>}`>;

/** A tensor's type in words: `f32 [?, 64]`. */
export type ShowTensor<T> = T extends Tensor<infer S, infer D> ? `${D} ${Show<S>}` : "a plain value";

/** Images in a compiled net: [N, C, H, W], f32, normalised to about -1..1. */
export type Images<C extends number = number, N extends number = number> = Tensor<
  readonly [N, C, number, number],
  "f32"
>;

/** Rows of features: [N, D], f32. */
export type Features<D extends number = number, N extends number = number> = Tensor<readonly [N, D], "f32">;

/** Tokens of samples: [N, T, C], f32. */
export type Tokens<C extends number = number, T extends number = number, N extends number = number> = Tensor<
  readonly [N, T, C],
  "f32"
>;

/** One number: [], f32. */
export type Scalar = Tensor<readonly [], "f32">;
