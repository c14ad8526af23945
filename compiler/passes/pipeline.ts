/** @file Which passes run, in which order, and what each of them did. */
import type { IrModule } from "../ir/module.js";
import { accumulate } from "./accumulate.js";
import { branches } from "./branches.js";
import { deadCode } from "./dead-code.js";
import { depthwiseNorms } from "./depthwise-norms.js";
import { flatten } from "./flatten.js";
import { fold } from "./fold.js";
import { foldedNorms } from "./folded-norms.js";
import { fusedNorms } from "./fused-norms.js";
import { gradientBranches } from "./gradient-branches.js";
import { handwrittenHeads } from "./handwritten-heads.js";
import { heads } from "./heads.js";
import { islands } from "./islands.js";
import { joinStreams } from "./join-streams.js";
import { layout } from "./layout.js";
import { merge } from "./merge.js";
import type { Pass, Statistics } from "./pass.js";
import { type Narrow, precision } from "./precision.js";
import { remat } from "./remat.js";
import { targetColumn } from "./target-column.js";

/** What an experiment says of how its program shall be computed. */
export interface PassOptions {
  readonly precision: "f32" | Narrow;
  readonly layout: "contiguous" | "channels_last";
  /** Steps an update. */
  readonly accumulate: number;
}

/** The passes for an experiment, in order. `worth`: the multiply-adds that make a branch worth it, for tests. */
export const passesFor = (options: PassOptions, worth?: number): readonly Pass[] => [
  flatten,
  ...(options.precision === "f32" ? [islands] : []),
  ...(options.accumulate > 1 ? [accumulate(options.accumulate)] : []),
  targetColumn,
  handwrittenHeads,
  heads,
  ...(options.precision === "f32" ? [] : [precision(options.precision), islands]),
  ...(options.layout === "channels_last" ? [layout] : []),
  foldedNorms,
  remat,
  fold,
  merge,
  joinStreams,
  fusedNorms,
  ...(options.layout === "channels_last" ? [depthwiseNorms] : []),
  gradientBranches(worth),
  branches(worth),
  deadCode,
];

/** What stood after a pass. */
export interface PassRecord {
  readonly name: string;
  readonly statistics: Statistics;
  readonly module: IrModule;
}

/** The program after all passes. `observe` sees it after each of them. */
export function optimise(
  module: IrModule,
  passes: readonly Pass[],
  observe: (record: PassRecord) => void = () => {},
): IrModule {
  return passes.reduce((before, pass) => {
    const { module: after, statistics } = pass.run(before);
    observe({ name: pass.name, statistics, module: after });
    return after;
  }, module);
}
