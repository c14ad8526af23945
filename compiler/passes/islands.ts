/**
 * @file Islands: regions that say what the precision pass leaves alone. Behind it, or where there is none, their ops stand among
 * the others.
 *
 *     %y = in_f32() {                 %a = linear(%x, %w)
 *       %a = linear(%x, %w)           %y = add(%a, %b)
 *       %c = add(%a, %b)
 *       yield(%c)
 *     }
 */
import { type Op, walkOps } from "../ir/module.js";
import { controlOf } from "../registry/regions.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";

/** Whether an op is a region that keeps the types which it declares. */
export const isIsland = (op: Op): boolean => controlOf(op)?.precision === "declared";

export const islands = overFunctions(
  "islands",
  "What keeps its types stands among the other ops.",
  (fn, _module, count) => {
    if (![...walkOps(fn.body)].some(isIsland)) return fn;
    return rewrite(fn, (op, replay) => {
      if (!isIsland(op)) return undefined;
      count("regions");
      return replay.inline(op.regions[0]!);
    });
  },
);
