/** @file Drops ops whose results nobody uses and that change nothing. */
import type { IrFunction, Op, Region } from "../ir/module.js";
import { OPS } from "../registry/index.js";

const mayDrop = (op: Op): boolean => {
  const effect = OPS.get(op.op)!.effect;
  if (effect === "pure") return true;
  if (op.op === "state" || op.op === "group") return true;
  return (
    (op.op === "no_grad" || op.op === "if" || op.op === "for") &&
    op.regions.every((region) => region.ops.every((inner) => inner.op === "yield" || mayDrop(inner)))
  );
};

/** The function without dead ops, and how many were dropped. */
export function dropDeadCode(fn: IrFunction): { fn: IrFunction; dropped: number } {
  const used = new Set<number>();
  let dropped = 0;
  const sweep = (region: Region): Region => {
    const kept: Op[] = [];
    for (const op of [...region.ops].reverse()) {
      if (mayDrop(op) && !op.results.some((r) => used.has(r.id))) {
        dropped++;
        continue;
      }
      for (const operand of op.operands) if (operand) used.add(operand.id);
      kept.push(op.regions.length ? { ...op, regions: op.regions.map(sweep) } : op);
    }
    return { args: region.args, ops: kept.reverse() };
  };
  return { fn: { ...fn, body: sweep(fn.body) }, dropped };
}
