import type { Shape, Tensor } from "f2c-dsl";

/** The sizes that the editor knows, to be compared with `satisfies`: there, `number` is not a size of 64. */
export declare function shapeOf<S extends Shape>(x: Tensor<S>): S;
/** Any value of type `T`. */
export declare function some<T>(): T;
