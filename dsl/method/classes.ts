/** @file Class centres as a step sees them: what a bank gives, and what a margin and a loss are made of. */
import type { Features, Tensor } from "../core/tensor.js";

/** One number a row. */
export type Column = Tensor<readonly [number], "f32">;
export type Index = Tensor<readonly [number], "i64">;

/** The classes of a step. Rows of length 1. */
export interface Classes {
  /** The centres [C, D]; [C * centres, D] where a class has several. In bf16 they take half the memory, and are computed with in f32. */
  readonly rows: Tensor<readonly [number, number], "f32" | "bf16">;
  /** The class of each row of the features: its place among the centres, or its id where `ids` are given; -1: none. */
  readonly target: Index;
  /** The centre of each row's own class [N, D]; of rows without a class any that is finite. */
  readonly own: Features;
  /** The id of each class [C]; negative: no class. */
  readonly ids?: Index | undefined;
  /** From this place on there are no classes. */
  readonly limit?: number | undefined;
  /** Places at which other rows stand in this step: `patch` [P, D] for `touched` [P]. */
  readonly touched?: Index | undefined;
  readonly patch?: Features | undefined;
  /** Centres a class; 1 where absent. */
  readonly centres?: number | undefined;
}

/** What a margin sees of each row of the features. Rows without a class have values too; they count for nothing. */
export interface OwnClass {
  /** The cosine to the centre of the own class. */
  readonly cosine: Column;
  /** The length of the feature before it was normalised. */
  readonly norm: Column;
  readonly hasClass: Tensor<readonly [number], "bool">;
}

/** Negatives whose cosine c is above `above` count with square * c^2 + slope * c + offset instead. */
export interface HardNegatives {
  readonly above: Column;
  readonly square: number;
  readonly slope: number | Tensor<readonly [], "f32">;
  readonly offset: number;
}

/** What a margin makes of a step's rows. */
export interface Margined {
  /** Logits are this many times cosines. */
  readonly scale: number;
  /** What stands in for the cosine to the own class. */
  readonly own: Column;
  readonly hard?: HardNegatives | undefined;
  /** A loss of the margin's own, one number a row. */
  readonly loss?: Column | undefined;
}
