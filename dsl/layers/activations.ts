/** @file Activations without parameters, on anything. */
import { module } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import type { Shape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { ShapeKeeping } from "./keeping.js";

const elementwise = (apply: (x: Tensor<Shape, "f32">) => Tensor<Shape, "f32">) =>
  module({}, (_: object, x: Tensor<Shape, "f32">) => apply(x)) as ShapeKeeping;

/** max(0, x). */
export const relu = () => elementwise((x) => ops.relu(x));

/** min(max(0, x), 6). Krizhevsky 2010; Howard et al. 2017 (MobileNets). */
export const relu6 = () => elementwise((x) => ops.relu(x).clamp({ max: 6 }));

/** 1 / (1 + e^-x). */
export const sigmoid = () => elementwise((x) => ops.sigmoid(x));

/** x * sigmoid(x), PyTorch's SiLU. Ramachandran et al. 2017. */
export const swish = () => elementwise((x) => ops.silu(x));

/** x * Phi(x), Phi being the normal distribution function. Hendrycks and Gimpel 2016. */
export const gelu = () => elementwise((x) => ops.gelu(x));
