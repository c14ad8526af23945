/**
 * @file Dead code: drops ops whose results nobody uses and that change nothing, and what regions yield to nobody. Other
 * passes leave such ops behind, and the gradient would pay for them.
 *
 *     %a = relu(%x)                                                %r = for(%n, %x) (%i, %s) {
 *     %r, %q = for(%n, %x, %y) (%i, %s, %t) {                        %u = neg(%s)
 *       %u = neg(%s)                                                 yield(%u)
 *       %v = exp(%t)                                               }
 *       yield(%u, %v)                                              return(%r)
 *     }
 *     return(%r)
 */
import type { IrFunction, Op, Region, Value } from "../ir/module.js";
import { specOf } from "../registry/index.js";
import {
  carriedArgs,
  condition,
  deciding,
  fixedArgs,
  fixedOperands,
  regionsOf,
  sourcesOf,
} from "../registry/regions.js";
import { overFunctions } from "./pass.js";

/**
 * Whether an op does something beside making its results. Ops with regions do what their regions do, and a loop that asks a
 * condition may do one thing more: not end.
 */
const acts = (op: Op): boolean => {
  const { control, effect } = specOf(op);
  if (control) return control.runs === "condition" || op.regions.some((region) => region.ops.some(acts));
  return effect !== "pure" && effect !== "read";
};

/** The live values: those from which the function's results and the ops that act are computed. */
class Liveness {
  readonly values = new Set<number>();
  readonly ops = new Set<Op>();
  /** The op that makes a value or carries it, and which of its results that is; none of a counter. */
  private readonly makers = new Map<number, { op: Op; i: number | undefined }>();
  /** Live values that were not followed yet: a list, since a chain of ops can be longer than the call stack is deep. */
  private readonly open: Value[] = [];

  constructor(body: Region) {
    this.survey(body);
    this.root(body);
    for (let value = this.open.pop(); value; value = this.open.pop()) {
      const maker = this.makers.get(value.id);
      if (!maker) continue;
      this.keepOp(maker.op);
      if (maker.i !== undefined && maker.op.regions.length) this.keep(sourcesOf(maker.op, maker.i));
    }
  }

  private keep(values: Op["operands"]): void {
    for (const value of values) {
      if (!value || this.values.has(value.id)) continue;
      this.values.add(value.id);
      this.open.push(value);
    }
  }

  private keepOp(op: Op): void {
    if (this.ops.has(op)) return;
    this.ops.add(op);
    // What a loop carries matters by what comes of it; how often it turns depends on all that its test reads.
    this.keep([...deciding(op), condition(op)]);
  }

  /** Notes what makes every value. */
  private survey(region: Region): void {
    for (const op of region.ops) {
      for (const [i, result] of op.results.entries()) this.makers.set(result.id, { op, i });
      for (const inner of op.regions) {
        for (const arg of inner.args) this.makers.set(arg.id, { op, i: undefined });
        for (const [i, arg] of carriedArgs(op, inner).entries()) this.makers.set(arg.id, { op, i });
        this.survey(inner);
      }
    }
  }

  /** The function's results and the ops that act, and the control ops around them. */
  private root(region: Region): void {
    for (const op of region.ops) {
      if (specOf(op).ends === "function" || acts(op)) this.keepOp(op);
      for (const inner of op.regions) this.root(inner);
    }
  }
}

/** The function without dead ops and dead results of regions, and how many ops were dropped. */
export function dropDeadCode(fn: IrFunction): { fn: IrFunction; dropped: number } {
  const live = new Liveness(fn.body);
  let dropped = 0;

  const prune = (op: Op): Op => {
    if (!op.regions.length) return op;
    const kept = op.results.map((result, i) => {
      const carried = op.regions.map((region) => carriedArgs(op, region)[i]);
      return [result, ...carried].some((value) => value && live.values.has(value.id));
    });
    const only = <T>(list: readonly T[], fixed: number) =>
      list.filter((_, i) => i < fixed || kept[i - fixed]);
    return {
      ...op,
      results: only(op.results, 0),
      operands: only(op.operands, fixedOperands(op)),
      regions: regionsOf(op).map(({ region, ...spec }) => {
        const args = only(region.args, fixedArgs(spec));
        return sweep(region, args, spec.yields === "condition" ? undefined : (values) => only(values, 0));
      }),
    };
  };

  const sweep = (
    region: Region,
    args: readonly Value[],
    yields?: (values: Op["operands"]) => Op["operands"],
  ): Region => {
    const ops = region.ops.flatMap((op): Op[] => {
      if (specOf(op).ends === "region") return [yields ? { ...op, operands: yields(op.operands) } : op];
      if (live.ops.has(op)) return [prune(op)];
      dropped++;
      return [];
    });
    return { args, ops };
  };
  return { fn: { ...fn, body: sweep(fn.body, fn.body.args) }, dropped };
}

export const deadCode = overFunctions(
  "dead-code",
  "What nobody uses and what changes nothing is gone.",
  (fn, _module, count) => {
    const { fn: live, dropped } = dropDeadCode(fn);
    count("dropped", dropped);
    return live;
  },
);
