/** @file How values pass through ops with regions: out of them, and around loops. */
import type { Op, Region, Value } from "./module.js";

/** What a region yields. */
export const yielded = (region: Region): Op["operands"] => region.ops.at(-1)!.operands;

/** The values that result `i` of an op with regions may be; of a loop, also the i-th of those that it carries. */
export function sourcesOf(op: Op, i: number): readonly (Value | undefined)[] {
  switch (op.op) {
    case "for":
      return [op.operands[i + 1], yielded(op.regions[0]!)[i]];
    case "while":
      return [op.operands[i], yielded(op.regions[1]!)[i]];
    default:
      return op.regions.map((region) => yielded(region)[i]);
  }
}

/** The arguments of a region that carry values from turn to turn: all but a counter. */
export const carriedArgs = (op: Op, region: Region): readonly Value[] =>
  op.op === "for" ? region.args.slice(1) : region.args;
