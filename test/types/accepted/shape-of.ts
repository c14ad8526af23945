import type { DType, Shape, Tensor } from "f2c-dsl";

/** The sizes that the editor knows, to be compared with `satisfies`: there, `number` is not a size of 64. */
export declare function shapeOf<S extends Shape>(x: Tensor<S>): S;
/** Likewise the dtype. */
export declare function dtypeOf<D extends DType>(x: Tensor<Shape, D>): D;
/** Any value of type `T`. */
export declare function some<T>(): T;
