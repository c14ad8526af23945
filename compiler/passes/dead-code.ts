/** @file Drops ops whose results nobody uses and that change nothing, and what regions yield for nobody. */
import type { IrFunction, Op, Region, Value } from "../ir/module.js";
import { OPS } from "../registry/index.js";
import { overFunctions } from "./pass.js";

const CONTROL = new Set(["no_grad", "remat", "if", "for", "while"]);
/** Ops that see storage or history and change nothing. */
const READS = new Set(["state", "group", "gradients", "vjp", "leaf"]);
const TERMINATORS = new Set(["yield", "return"]);

/** Whether an op does something beside making its results; ops with regions do what their regions do. */
const acts = (op: Op): boolean => {
  if (CONTROL.has(op.op)) return op.op === "while" || op.regions.some((region) => region.ops.some(acts));
  if (TERMINATORS.has(op.op) || READS.has(op.op)) return false;
  return OPS.get(op.op)!.effect !== "pure";
};

const yielded = (region: Region): readonly (Value | undefined)[] => region.ops.at(-1)!.operands;

/** Which values matter: those that ops that act, and the function's results, are computed from. */
class Liveness {
  readonly values = new Set<number>();
  readonly ops = new Set<Op>();
  private readonly makers = new Map<number, () => void>();

  constructor(body: Region) {
    this.survey(body);
    this.root(body);
  }

  private keep(value: Value | undefined): void {
    if (!value || this.values.has(value.id)) return;
    this.values.add(value.id);
    this.makers.get(value.id)?.();
  }

  private keepOp(op: Op): void {
    if (this.ops.has(op)) return;
    this.ops.add(op);
    if (op.op === "while") {
      // How often it turns depends on all that its test reads.
      this.keep(yielded(op.regions[0]!)[0]);
    } else if (CONTROL.has(op.op)) this.keep(op.operands[0]);
    else for (const operand of op.operands) this.keep(operand);
  }

  /** Says for every value what else matters as soon as it does. */
  private survey(region: Region): void {
    for (const op of region.ops) {
      op.results.forEach((result, i) => {
        this.makers.set(result.id, () => {
          this.keepOp(op);
          this.keepCarried(op, i);
        });
      });
      for (const inner of op.regions) {
        const carriedFrom = inner.args.length - op.results.length;
        inner.args.forEach((arg, i) => {
          this.makers.set(arg.id, () => {
            this.keepOp(op);
            if (i >= carriedFrom) this.keepCarried(op, i - carriedFrom);
          });
        });
        this.survey(inner);
      }
    }
  }

  private keepCarried(op: Op, i: number): void {
    switch (op.op) {
      case "no_grad":
      case "remat":
      case "if":
        for (const region of op.regions) this.keep(yielded(region)[i]);
        break;
      case "for":
        this.keep(op.operands[i + 1]);
        this.keep(op.regions[0]!.args[i + 1]);
        this.keep(yielded(op.regions[0]!)[i]);
        break;
      case "while":
        this.keep(op.operands[i]);
        for (const region of op.regions) this.keep(region.args[i]);
        this.keep(yielded(op.regions[1]!)[i]);
        break;
    }
  }

  /** The function's results and the ops that act, and the control ops around them. */
  private root(region: Region): void {
    for (const op of region.ops) {
      if (op.op === "return" || acts(op)) this.keepOp(op);
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
      const carried =
        op.op === "for" ? op.regions[0]!.args[i + 1] : op.op === "while" ? op.regions[0]!.args[i] : undefined;
      return live.values.has(result.id) || (carried !== undefined && live.values.has(carried.id));
    });
    const only = <T>(list: readonly T[], fixed: number) =>
      list.filter((_, i) => i < fixed || kept[i - fixed]);
    const fixed = op.op === "while" ? 0 : 1;
    return {
      ...op,
      results: only(op.results, 0),
      operands: op.op === "for" || op.op === "while" ? only(op.operands, fixed) : op.operands,
      regions: op.regions.map((region, i) => {
        const isTest = op.op === "while" && i === 0;
        const args = op.op === "for" || op.op === "while" ? only(region.args, fixed) : region.args;
        return sweep(region, args, isTest ? undefined : (values) => only(values, 0));
      }),
    };
  };

  const sweep = (
    region: Region,
    args: readonly Value[],
    yields?: (values: Op["operands"]) => Op["operands"],
  ): Region => {
    const ops = region.ops.flatMap((op): Op[] => {
      if (op.op === "yield") return [yields ? { ...op, operands: yields(op.operands) } : op];
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
