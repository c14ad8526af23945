/** @file Layers that say of what they take only what they need to know, and leave the rest of its shape as it is. */
import type { Layer, MODULE, Module } from "../core/module.js";
import type { FeaturesCheck, ReplaceLast, Shape } from "../core/shape.js";
import type { Images, Tensor } from "../core/tensor.js";

export declare const keeps: unique symbol;
export declare const takes: unique symbol;
export declare const gives: unique symbol;

/** A layer for any shape, which gives the shape that it gets. */
export interface ShapeKeeping extends Layer<Tensor<Shape, "f32">, Tensor<Shape, "f32">> {
  readonly [keeps]: "shape";
  <S extends Shape>(x: Tensor<S, "f32">): Tensor<S, "f32">;
}

/** A layer for images of any number and channels, which gives as many. */
export interface ChannelKeeping extends Layer<Images, Images> {
  readonly [keeps]: "channels";
  <C extends number, N extends number>(x: Images<C, N>): Images<C, N>;
}

/** Features as the last dimension of anything: what a layer along it takes and gives, as long as nothing says how many come before. */
export type Along<D extends number> = Tensor<readonly [...number[], D], "f32">;

/** A layer along the last dimension, which gives `O` features for `I`; any dimensions may stand before it, and stay. */
export interface LastDimension<I extends number, O extends number> extends Pick<Module, typeof MODULE> {
  readonly [keeps]: "last";
  readonly [takes]: Along<I>;
  readonly [gives]: Along<O>;
  <S extends Shape>(x: Tensor<S, "f32"> & FeaturesCheck<S, I>): Tensor<ReplaceLast<S, O>, "f32">;
}
