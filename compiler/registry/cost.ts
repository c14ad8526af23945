/** @file What a function costs, in multiply-adds: each is counted once, and nothing else is. */
import { type IrFunction, type Op, walkOps, withNested } from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { specOf } from "./index.js";

/** Multiply-adds for one sample, by op (symbols in sizes count as 1, and what stands in a loop counts once); the most first. */
export function multiplyAdds(fn: IrFunction): ReadonlyMap<OpName, number> {
  const byOp = new Map<OpName, number>();
  for (const op of walkOps(fn.body)) {
    const count = costOf(op);
    if (count > 0) byOp.set(op.op, (byOp.get(op.op) ?? 0) + count);
  }
  return new Map([...byOp].sort(([, a], [, b]) => b - a));
}

/** Multiply-adds of an op and of those in its regions, for one sample. */
export const costOfAll = (op: Op): number => withNested(op).reduce((sum, o) => sum + costOf(o), 0);

function costOf(op: Op): number {
  const [result] = op.results;
  const operands = op.operands.map((value) => value?.type);
  return result === undefined ? 0 : (specOf(op).multiplyAdds?.(operands, result.type) ?? 0);
}
