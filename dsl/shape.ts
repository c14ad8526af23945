/**
 * @file Shapes in types: an early warning in the editor. The compiler's own inference is the authority; here `number`
 * means "the compiler decides" and passes everywhere.
 */

export type FloatDType = "f16" | "bf16" | "f32" | "f64";
export type DType = FloatDType | "i32" | "i64" | "u8" | "bool";
export type Shape = readonly number[];

declare const dimName: unique symbol;
/** A named size of any value: `Tensor<[Dim<"B">, 512]>`. */
export type Dim<Name extends string> = number & { readonly [dimName]: Name };

declare const shapeError: unique symbol;
/** What a wrong shape shows in the editor: a type that nothing can be assigned to, carrying the message. */
export interface ShapeError<Message extends string> {
  readonly [shapeError]: Message;
}

export interface ConvOptions {
  stride?: readonly [number, number];
  padding?: readonly [number, number];
  dilation?: readonly [number, number];
  groups?: number;
}
export interface PoolOptions {
  kernel: readonly [number, number];
  stride: readonly [number, number];
  padding?: readonly [number, number];
}

export type ShapeOf<T> = T extends { readonly shape: infer S extends Shape } ? S : Shape;
export type DTypeOf<T> = T extends { readonly dtype: infer D extends DType } ? D : DType;

type Text<D extends number> = number extends D
  ? "?"
  : D extends { readonly [dimName]: infer N extends string }
    ? N
    : `${D}`;
type Join<S extends Shape> = S extends readonly [infer H extends number, ...infer T extends Shape]
  ? T extends readonly []
    ? Text<H>
    : `${Text<H>}, ${Join<T>}`
  : "";
type Show<S extends Shape> = number extends S["length"] ? "[...]" : `[${Join<S>}]`;

type Last<S extends Shape> = S extends readonly [...Shape, infer L extends number] ? L : number;
type SecondLast<S extends Shape> = S extends readonly [...Shape, infer L extends number, number] ? L : number;
type Front<S extends Shape> = S extends readonly [...infer F extends Shape, number] ? F : Shape;

/** Whether two sizes may be equal: unknown sizes may be anything. */
type MayEqual<A extends number, B extends number> = number extends A
  ? true
  : number extends B
    ? true
    : [A] extends [B]
      ? true
      : false;

export type Matmul<A extends Shape, B extends Shape> = number extends A["length"]
  ? Shape
  : number extends B["length"]
    ? Shape
    : readonly [...Front<A>, Last<B>];

export type MatmulCheck<A extends Shape, B extends Shape> =
  MayEqual<Last<A>, SecondLast<B>> extends true
    ? unknown
    : ShapeError<`matmul: inner dimensions ${Text<Last<A>>} and ${Text<SecondLast<B>>} differ (${Show<A>} times ${Show<B>})`>;

export type LastDimCheck<S extends Shape, I extends number> =
  MayEqual<Last<S>, I> extends true
    ? unknown
    : ShapeError<`the input has ${Text<Last<S>>} features, the weight takes ${Text<I>}`>;

type BroadcastDim<A extends number, B extends number> = A extends 1
  ? B
  : B extends 1
    ? A
    : number extends A
      ? B
      : A;

export type Broadcast<A extends Shape, B extends Shape> = B extends readonly []
  ? A
  : number extends A["length"]
    ? Shape
    : number extends B["length"]
      ? Shape
      : A extends readonly []
        ? B
        : A extends readonly [...infer AF extends Shape, infer AL extends number]
          ? B extends readonly [...infer BF extends Shape, infer BL extends number]
            ? readonly [...Broadcast<AF, BF>, BroadcastDim<AL, BL>]
            : Shape
          : Shape;

type Broadcasts<A extends Shape, B extends Shape> = number extends A["length"]
  ? true
  : number extends B["length"]
    ? true
    : A extends readonly [...infer AF extends Shape, infer AL extends number]
      ? B extends readonly [...infer BF extends Shape, infer BL extends number]
        ? AL extends 1
          ? Broadcasts<AF, BF>
          : BL extends 1
            ? Broadcasts<AF, BF>
            : MayEqual<AL, BL> extends true
              ? Broadcasts<AF, BF>
              : false
        : true
      : true;

export type BroadcastCheck<A extends Shape, B extends Shape> =
  Broadcasts<A, B> extends true ? unknown : ShapeError<`${Show<A>} and ${Show<B>} do not broadcast`>;

export type ReplaceLast<S extends Shape, D extends number> = number extends S["length"]
  ? Shape
  : readonly [...Front<S>, D];
export type ReplaceFirst<S extends Shape, D extends number> = S extends readonly [
  number,
  ...infer R extends Shape,
]
  ? readonly [D, ...R]
  : Shape;

type IndexOf<S extends Shape, A extends number> = `${A}` extends `-${infer N extends number}`
  ? FromEnd<S, N>
  : A;
type FromEnd<S extends Shape, N extends number> = {
  [L in 1 | 2 | 3 | 4 | 5]: S["length"] extends L ? Minus<L, N> : never;
}[1 | 2 | 3 | 4 | 5];
type Minus<L extends number, N extends number> = {
  1: { 1: 0 };
  2: { 1: 1; 2: 0 };
  3: { 1: 2; 2: 1; 3: 0 };
  4: { 1: 3; 2: 2; 3: 1; 4: 0 };
  5: { 1: 4; 2: 3; 3: 2; 4: 1; 5: 0 };
}[L & (1 | 2 | 3 | 4 | 5)] extends infer Row
  ? N extends keyof Row
    ? Row[N] & number
    : number
  : number;

type WithAt<
  S extends Shape,
  I extends number,
  D extends number,
  Seen extends readonly unknown[] = [],
> = S extends readonly [infer H extends number, ...infer T extends Shape]
  ? Seen["length"] extends I
    ? readonly [D, ...T]
    : readonly [H, ...WithAt<T, I, D, [...Seen, 0]>]
  : readonly [];

export type ReplaceDim<S extends Shape, A extends number, D extends number> = number extends S["length"]
  ? Shape
  : number extends A
    ? Shape
    : WithAt<S, IndexOf<S, A>, D>;

type WithoutAt<S extends Shape, I extends number, Seen extends readonly unknown[] = []> = S extends readonly [
  infer H extends number,
  ...infer T extends Shape,
]
  ? Seen["length"] extends I
    ? T
    : readonly [H, ...WithoutAt<T, I, [...Seen, 0]>]
  : readonly [];

export type Removed<S extends Shape, A extends number> = number extends S["length"]
  ? Shape
  : number extends A
    ? Shape
    : WithoutAt<S, IndexOf<S, A>>;

type InsertAt<
  S extends Shape,
  I extends number,
  Seen extends readonly unknown[] = [],
> = Seen["length"] extends I
  ? readonly [1, ...S]
  : S extends readonly [infer H extends number, ...infer T extends Shape]
    ? readonly [H, ...InsertAt<T, I, [...Seen, 0]>]
    : readonly [1];

export type Unsqueezed<S extends Shape, A extends number> = number extends S["length"]
  ? Shape
  : number extends A
    ? Shape
    : `${A}` extends "-1"
      ? readonly [...S, 1]
      : InsertAt<S, A>;

type At<S extends Shape, I extends number> = S[I] extends number ? S[I] : number;

export type Transposed<S extends Shape, A extends number, B extends number> = number extends S["length"]
  ? Shape
  : number extends A | B
    ? Shape
    : WithAt<WithAt<S, IndexOf<S, A>, At<S, IndexOf<S, B>>>, IndexOf<S, B>, At<S, IndexOf<S, A>>>;

/** A requested shape, in which -1 is a size that the compiler works out. */
export type Reshaped<T extends Shape> = { readonly [K in keyof T]: T[K] extends -1 ? number : T[K] };

/** The number of elements, where it is small enough to be worth the editor's time; otherwise `number`. */
export type Product<S extends Shape> = S extends readonly [infer D extends number]
  ? D
  : S extends readonly [infer D extends number, 1, 1]
    ? D
    : number;
