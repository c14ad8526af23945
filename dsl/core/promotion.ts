/**
 * @file Dtypes of results in types. PyTorch promotes by category first: bool < integers < floats. Numbers and tensors of rank 0
 * raise the category only. `N` is the type of the number, and holds null where there is a tensor instead.
 */
import type { Box, DType, FloatDType, Same, Shape } from "./shape.js";

export type Promoted<S extends Shape, D extends DType, O extends Shape, E extends DType, N, None = never> =
  Box<E> extends Box<D>
    ? Same<Extract<D, FloatDType>, None> extends true
      ? null extends N
        ? D | E
        : WithNumber<D, N>
      : D
    : Common<S, D, O, E>;

type Common<S extends Shape, D extends DType, O extends Shape, E extends DType> = [D] extends [FloatDType]
  ? [E] extends [FloatDType]
    ? Wider<S, D, O, E, "f64" extends D | E ? "f64" : "f32">
    : D
  : [E] extends [FloatDType]
    ? E
    : [D] extends ["bool"]
      ? E
      : [E] extends ["bool"]
        ? D
        : Wider<S, D, O, E, "i64" extends D | E ? "i64" : "i32">;

/** Of one category: the dtype of the one that has dimensions, `W` if both or neither do. */
type Wider<S extends Shape, D, O extends Shape, E, W> = O extends readonly []
  ? S extends readonly []
    ? W
    : D
  : S extends readonly []
    ? E
    : W;

/** An integer or bool with a number. Whether a number that is not a literal is whole, only the compiler knows. */
type WithNumber<D extends DType, N> = number extends N
  ? // biome-ignore lint/suspicious/noExplicitAny: the type that goes everywhere
    any
  : `${N & number}` extends `${bigint}`
    ? D extends "bool"
      ? "i64"
      : D
    : "f32";

/** The dtype of a clamp: a limit that is not whole makes integers real. */
export type Clamped<D extends DType, N extends number, None = never> = [N] extends [number]
  ? Same<Extract<D, FloatDType>, None> extends true
    ? WithNumber<D, N>
    : D
  : never;

/** Integers divide to f32. */
export type Divided<S extends Shape, D extends DType, O extends Shape, E extends DType, None = never> =
  Box<E> extends Box<D>
    ? Same<Extract<D, FloatDType>, None> extends true
      ? "f32"
      : D
    : Common<S, D, O, E> extends infer J extends FloatDType
      ? J
      : "f32";
/** Bool and integers sum to i64. */
export type Summed<D extends DType> = D extends FloatDType ? D : "i64";
