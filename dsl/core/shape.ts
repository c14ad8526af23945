/**
 * @file Shapes in types: an early warning in the editor. The compiler's own inference is the authority; here `number`
 * means "the compiler decides" and passes everywhere, and so does a shape of unknown rank.
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

export interface ConvOptions<G extends number = number> {
  stride?: readonly [number, number];
  padding?: readonly [number, number];
  dilation?: readonly [number, number];
  groups?: G;
}
export interface PoolOptions {
  kernel: readonly [number, number];
  stride: readonly [number, number];
  padding?: readonly [number, number];
}

// How shapes compare. Two sizes fit where they are equal or one of them is `number`, in both directions, so an unknown
// size is `any` here, the one type that is assignable both ways. A symbol compares by its name.

// biome-ignore lint/suspicious/noExplicitAny: see above
type Free<D> = number extends D ? any : D extends { readonly [dimName]: infer N } ? N : D;
type SizeAt<S extends Shape, I extends string> = I extends keyof S ? Free<S[I]> : undefined;

/** One property for each dimension, so that an error names the one that differs: `'[dims][1]' are incompatible`. */
interface Known<S extends Shape> {
  readonly rank: S["length"];
  readonly 0: SizeAt<S, "0">;
  readonly 1: SizeAt<S, "1">;
  readonly 2: SizeAt<S, "2">;
  readonly 3: SizeAt<S, "3">;
  readonly 4: SizeAt<S, "4">;
  readonly 5: SizeAt<S, "5">;
}
// biome-ignore lint/suspicious/noExplicitAny: see above
type Unknown = { readonly [K in keyof Known<Shape>]: any };
type RankKnown<S extends Shape> = number extends S["length"] ? Unknown : Known<S>;

/** The sizes of a shape as assignments compare them. A mapped type, as these are compared by structure, not by variance. */
export type Sizes<S extends Shape> = { readonly [K in keyof RankKnown<S>]: RankKnown<S>[K] };

/** A shape as run-time scalars. */
export type ShapeValue<S extends Shape> = number extends S["length"]
  ? // biome-ignore lint/suspicious/noExplicitAny: see above
    any
  : { readonly [K in keyof S]: number };

// Conditional types over sizes of generic code, `C extends number`, which are not known yet. TypeScript defers them, with
// both branches in the result, unless every size takes the same branch.

export interface Box<T> {
  readonly is: T;
}
/**
 * Whether two types are equal. A type parameter equals itself and, for TypeScript, nothing else, and TypeScript decides that
 * where `Same` is written, not where it is instantiated. So compare with a constant only through a parameter (`One` and
 * `Any` below), in types whose shapes are known.
 */
export type Same<A, B> =
  (<T>() => T extends Box<A> ? 1 : 2) extends <T>() => T extends Box<B> ? 1 : 2 ? true : false;

// How shapes read in messages.

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
export type Show<S extends Shape> = number extends S["length"]
  ? S extends readonly [...unknown[], infer L extends number]
    ? `[..., ${Text<L>}]`
    : "[...]"
  : `[${Join<S>}]`;

// Products.

// Without a constraint on the inferred size: with one, TypeScript does not see that two equal generic sizes are equal.
type LastSize<S extends Shape> = S extends readonly [...unknown[], infer L] ? L : number;
/** The size that a product sums over, in its second factor: the only one of a vector, else the last but one. */
type InnerSize<S extends Shape> = S extends readonly [infer L]
  ? L
  : S extends readonly [...unknown[], infer L, unknown]
    ? L
    : number;
export type Last<S extends Shape> = S extends readonly [...unknown[], infer L extends number] ? L : number;
type Front<S extends Shape> = S extends readonly [...infer F extends Shape, unknown] ? F : Shape;

export type Matmul<A extends Shape, B extends Shape> = number extends A["length"] | B["length"]
  ? Shape
  : B extends readonly [number]
    ? Front<A>
    : A extends readonly [number]
      ? readonly [...Front<Front<B>>, Last<B>]
      : readonly [...Broadcast<Front<Front<A>>, Front<Front<B>>>, Last<Front<A>>, Last<B>];

export type InnerDimensionsAgree<A extends Shape, B extends Shape> = [Free<LastSize<A>>] extends [
  Free<InnerSize<B>>,
]
  ? Broadcasts<Leading<A>, Leading<B>> extends true
    ? unknown
    : ShapeError<`matmul: ${Show<A>} times ${Show<B>}, the leading dimensions do not broadcast`>
  : ShapeError<`matmul: ${Show<A>} times ${Show<B>}, the inner dimensions differ`>;
/** The dimensions of a factor before its rows and columns. */
type Leading<S extends Shape> = S extends readonly [...infer F extends Shape, unknown, unknown]
  ? F
  : readonly [];

export type LastDimCheck<S extends Shape, I extends number> = [Free<LastSize<S>>] extends [Free<I>]
  ? unknown
  : ShapeError<`linear: the input has ${Text<Last<S>>} features, the weight takes ${Text<I>}`>;

/** Likewise of a layer along the last dimension. */
export type FeaturesCheck<S extends Shape, I extends number> = [Free<LastSize<S>>] extends [Free<I>]
  ? unknown
  : ShapeError<`the layer takes ${Text<I>} features, its input is ${Show<S>}`>;

/** Whether the last size of `A` fits that of `B`, of which one may be of unknown rank, `[...number[], 64]`. */
export type LastFits<A extends Shape, B extends Shape, Otherwise> = [Free<LastSize<A>>] extends [
  Free<LastSize<B>>,
]
  ? unknown
  : Otherwise;

export type ChannelCheck<S extends Shape, C extends number> = [RankKnown<S>[1]] extends [Free<C>]
  ? unknown
  : ShapeError<`batch_norm: the statistics are of ${Text<C>} channels, dimension 1 of ${Show<S>}`>;

/**
 * Without groups the weight's input channels are those of the images. With groups the compiler checks it: types cannot
 * multiply.
 */
export type ConvCheck<C extends number, I extends number, G extends number> = [G] extends [1]
  ? [Free<C>] extends [Free<I>]
    ? unknown
    : ShapeError<`conv2d: the images have ${Text<C>} channels, the weight takes ${Text<I>}`>
  : unknown;

// Broadcasting, aligned at the last dimension.

type BroadcastDim<A extends number, B extends number, One, Any> =
  Same<A, One> extends true
    ? B
    : Same<B, One> extends true
      ? A
      : Same<A, B> extends true
        ? A
        : Same<A, Any> extends true
          ? B
          : Same<B, Any> extends true
            ? A
            : A extends 1
              ? B
              : A;

export type Broadcast<A extends Shape, B extends Shape, One = 1, Any = number> = B extends readonly []
  ? A
  : number extends A["length"] | B["length"]
    ? Shape
    : A extends readonly []
      ? B
      : A extends readonly [...infer AF extends Shape, infer AL extends number]
        ? B extends readonly [...infer BF extends Shape, infer BL extends number]
          ? readonly [...Broadcast<AF, BF, One, Any>, BroadcastDim<AL, BL, One, Any>]
          : Shape
        : Shape;

type DimBroadcasts<A extends number, B extends number, One> =
  Same<A, One> extends true
    ? true
    : Same<B, One> extends true
      ? true
      : Box<Free<A>> extends Box<Free<B>>
        ? true
        : false;

type Broadcasts<A extends Shape, B extends Shape, One = 1> = A extends readonly [
  ...infer AF extends Shape,
  infer AL extends number,
]
  ? B extends readonly [...infer BF extends Shape, infer BL extends number]
    ? DimBroadcasts<AL, BL, One> extends true
      ? Broadcasts<AF, BF, One>
      : false
    : true
  : true;

export type BroadcastsWith<A extends Shape, B extends Shape> = [A] extends [B]
  ? unknown
  : Broadcasts<A, B> extends true
    ? unknown
    : ShapeError<`${Show<A>} and ${Show<B>} do not broadcast`>;

type BroadcastsTo<M extends Shape, S extends Shape, One = 1> = M extends readonly [
  ...infer MF extends Shape,
  infer ML extends number,
]
  ? S extends readonly [...infer SF extends Shape, infer SL extends number]
    ? (Same<ML, One> extends true ? true : Box<Free<ML>> extends Box<Free<SL>> ? true : false) extends true
      ? BroadcastsTo<MF, SF, One>
      : false
    : S extends readonly []
      ? false
      : true
  : true;

/** A mask takes the shape of what it is for, never the other way round. */
export type MaskCheck<S extends Shape, M extends Shape> = [M] extends [S]
  ? unknown
  : BroadcastsTo<M, S> extends true
    ? unknown
    : ShapeError<`masked_fill: a mask ${Show<M>} does not broadcast to ${Show<S>}`>;

// Dimensions replaced, removed, inserted, reordered. A negative one counts from the end.

export type ReplaceLast<S extends Shape, D extends number> = number extends S["length"]
  ? Shape
  : readonly [...Front<S>, D];

/** The index of a dimension, counted from the start; `never` where there is none. Of several, their indices. */
type IndexOf<S extends Shape, A extends number> = A extends number
  ? `${A}` extends `-${infer N extends number}`
    ? FromEnd<S, N>
    : `${A}` extends keyof S
      ? A
      : never
  : never;
type FromEnd<
  S extends readonly unknown[],
  N extends number,
  Seen extends readonly unknown[] = [],
> = Seen["length"] extends N
  ? S["length"]
  : S extends readonly [...infer F, unknown]
    ? FromEnd<F, N, [...Seen, 0]>
    : never;
/** One dimension, or all in a list. */
type Listed<A> = A extends Shape ? A[number] : A & number;

export type ReplaceDim<S extends Shape, A extends number, D extends number> = number extends S["length"] | A
  ? Shape
  : WithAt<S, IndexOf<S, A>, D>;
type WithAt<S extends Shape, I extends number, D extends number> = {
  readonly [K in keyof S]: K extends `${I}` ? D : S[K];
};

export type Removed<S extends Shape, A extends number> = number extends S["length"] | A
  ? Shape
  : WithoutAt<S, IndexOf<S, A>>;
type WithoutAt<S extends Shape, I extends number, Seen extends readonly unknown[] = []> = S extends readonly [
  infer H extends number,
  ...infer T extends Shape,
]
  ? Seen["length"] extends I
    ? WithoutAt<T, I, [...Seen, 0]>
    : readonly [H, ...WithoutAt<T, I, [...Seen, 0]>]
  : readonly [];

/** What is left of `S` by a reduction over the dimensions `A`: none means all. */
export type Reduced<S extends Shape, A extends number | Shape, Keep extends boolean> = boolean extends Keep
  ? Shape
  : A extends readonly []
    ? Keep extends true
      ? { readonly [K in keyof S]: 1 }
      : readonly []
    : Keep extends true
      ? ReplaceDim<S, Listed<A>, 1>
      : Removed<S, Listed<A>>;

type InsertAt<
  S extends Shape,
  I extends number,
  D extends number,
  Seen extends readonly unknown[] = [],
> = Seen["length"] extends I
  ? readonly [D, ...S]
  : S extends readonly [infer H extends number, ...infer T extends Shape]
    ? readonly [H, ...InsertAt<T, I, D, [...Seen, 0]>]
    : readonly [D];

/** With a new dimension of size `D`. A negative one counts from the end of what comes out. */
export type Inserted<S extends Shape, A extends number, D extends number> = number extends S["length"] | A
  ? Shape
  : InsertAt<S, IndexOf<readonly [D, ...S], A>, D>;

export type Transposed<S extends Shape, A extends number, B extends number> = number extends
  | S["length"]
  | A
  | B
  ? Shape
  : Swapped<S, IndexOf<S, A>, IndexOf<S, B>>;
type Swapped<S extends Shape, I extends number, J extends number> = {
  readonly [K in keyof S]: K extends `${I}` ? S[J] : K extends `${J}` ? S[I] : S[K];
};

export type Permuted<S extends Shape, P extends Shape> = number extends S["length"] | P["length"]
  ? Shape
  : { readonly [K in keyof P]: S[IndexOf<S, P[K]>] };

// Dimensions that are not there.

type KnownRank = readonly [] | readonly [unknown, ...unknown[]];

/** Those of the dimensions `A` that `S` does not have. */
type Missing<S extends Shape, A> = A extends readonly [infer H, ...infer T]
  ? Missing<S, H> | Missing<S, T>
  : A extends number
    ? number extends A
      ? never
      : [IndexOf<S, A>] extends [never]
        ? A
        : never
    : never;
type HasAll<S extends Shape, A, In extends Shape = S> = S extends KnownRank
  ? [Missing<In, A>] extends [never]
    ? true
    : false
  : true;

// What is certainly wrong is refused; what is not known, such as the rank of a type parameter, passes.
export type AxisCheck<S extends Shape, A, No = false> = [A] extends [number | Shape]
  ? Same<HasAll<S, A>, No> extends true
    ? ShapeError<`there is no dimension ${Missing<S, A>} in ${Show<S>}`>
    : unknown
  : unknown;

export type NewAxisCheck<S extends Shape, A, No = false> = [A] extends [number]
  ? Same<HasAll<S, A, readonly [1, ...S]>, No> extends true
    ? ShapeError<`a new dimension of ${Show<S>} cannot be ${Missing<readonly [1, ...S], A>}`>
    : unknown
  : unknown;

type Orders<S extends Shape, P extends Shape> = S extends KnownRank
  ? number extends P["length"] | P[number]
    ? true
    : [S["length"], keyof S & `${number}`] extends [P["length"], `${IndexOf<S, P[number]>}`]
      ? true
      : false
  : true;

export type OrderCheck<S extends Shape, P extends Shape, No = false> = [P] extends [Shape]
  ? Same<Orders<S, P>, No> extends true
    ? ShapeError<`permute: ${Show<P>} does not name every dimension of ${Show<S>} once`>
    : unknown
  : unknown;

// Tensors joined, and shapes that the user states.

/** Whether two shapes are equal but for the dimension `A`. */
export type Joins<S extends Shape, O extends Shape, A extends number> = S extends KnownRank
  ? O extends KnownRank
    ? number extends A
      ? true
      : Beside<S, IndexOf<S, A>> extends Beside<O, IndexOf<O, A>>
        ? true
        : false
    : true
  : true;
type Beside<S extends Shape, I extends number> = {
  readonly [K in keyof S]: K extends `${I}` ? unknown : Free<S[K]>;
};
export type Mixes<D, E> = D extends E ? true : E extends D ? true : false;

// A named size may be any number.
type Nameless<S extends Shape> = { readonly [K in keyof S]: S[K] extends Dim<string> ? number : S[K] };

export type AsCheck<S extends Shape, T extends Shape, No = false> = [T] extends [Shape]
  ? Same<Joins<Nameless<S>, Nameless<T>, never>, No> extends true
    ? ShapeError<`${Show<S>} cannot be ${Show<T>}`>
    : unknown
  : unknown;

/** A requested shape, in which -1 is a size that the compiler works out. */
export type Reshaped<T extends Shape> = { readonly [K in keyof T]: T[K] extends -1 ? number : T[K] };

/** A shape of the same rank, whose sizes the compiler works out. */
export type Resized<S extends Shape> = { readonly [K in keyof S]: number };

/** Numbers that are known when the program is built: a list of them, of lists of one length, or a typed array. */
export type NumberList =
  | Row
  | readonly Row[]
  | readonly (readonly Row[])[]
  | readonly (readonly (readonly Row[])[])[]
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint8Array;
type Row = readonly (number | boolean)[];
/** How long a list is in each dimension. */
export type ListShape<V> = V extends Row
  ? readonly [V["length"]]
  : V extends readonly Row[]
    ? readonly [V["length"], V[0]["length"]]
    : V extends readonly (readonly Row[])[]
      ? readonly [V["length"], V[0]["length"], V[0][0]["length"]]
      : V extends readonly (readonly (readonly Row[])[])[]
        ? readonly [V["length"], V[0]["length"], V[0][0]["length"], V[0][0][0]["length"]]
        : readonly [number];

/** The number of elements where that is cheap to work out: one dimension, or one and two ones; otherwise `number`. */
export type Product<S extends Shape> = S extends readonly [infer D extends number]
  ? D
  : S extends readonly [infer D extends number, 1, 1]
    ? D
    : number;
