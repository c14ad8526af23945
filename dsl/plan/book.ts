/** @file What a plan remembers from step to step. */

/** What a checkpoint keeps of a planner. */
export type BookState = Readonly<
  Record<string, Int32Array | Uint32Array | Uint8Array | Float32Array | Float64Array | number>
>;

/** Bookkeeping that lives in Node from step to step and is saved in checkpoints. */
export interface Book {
  state(): BookState;
  restore(state: BookState): void;
}
