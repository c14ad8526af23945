/** @file What a stage of a study is: something that is made once, from what other stages have made, and kept. `stages` has a file for each kind but training. */

export const STAGE = Symbol.for("f2c-dsl.stage");

/** A kind of stage, as a study sees it. */
export interface StageKind<S = unknown> {
  readonly kind: string;
  /** Who makes it, by the name in `runtime/stages/kinds`; absent: it is the kind's. */
  readonly maker?: string;
  /** What an error calls a stage of this kind: `the experiment "proxy"`. */
  called(stage: S): string;
  /** The stages that one is made from. */
  needs(stage: S): readonly Stage[];
}

/** Of one of its kinds; which one, what has it says. */
export interface Stage {
  readonly [STAGE]: StageKind;
}

export const isStage = (value: unknown): value is Stage =>
  typeof value === "object" && value !== null && STAGE in value;

/** The stages that one is made from. */
export const needsOf = (stage: Stage): readonly Stage[] => stage[STAGE].needs(stage);

/** What a stage leaves: arrays by name, and a few numbers. */
export interface Left {
  readonly arrays?: Readonly<
    Record<string, Int32Array | Uint32Array | Uint8Array | Float32Array | Float64Array>
  >;
  readonly numbers?: Readonly<Record<string, number>>;
}

/** What a stage that leaves arrays is to those that are made from it (`OpeningContext.made`). */
export interface MadeResult {
  /** Undefined until it is made: what is planned before is planned again then. */
  arrays(): Left["arrays"];
}
