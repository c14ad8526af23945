/**
 * @file Two ops of which the second is all that uses the first, so that one can do what both do. Between them there is nothing but
 * storages that are named:
 *
 *     %a = first(%x)
 *     %s = state @slope
 *     %y = second(%a, %s)
 */
import { type IrFunction, type Op, type Region, type Value, walkOps } from "../ir/module.js";
import { type Replay, rewrite } from "./replay.js";

/** The second op, and the storages that are named before it and behind the first. */
export interface Behind {
  readonly second: Op;
  readonly named: readonly Op[];
}

/** By the first op of each pair; `fits` says of two ops whether they are one. */
export function behind(
  fn: IrFunction,
  fits: (first: Op, second: Op, within: readonly Op[]) => boolean,
): ReadonlyMap<Op, Behind> {
  const uses = new Map<number, number>();
  for (const op of walkOps(fn.body))
    for (const value of op.operands) if (value) uses.set(value.id, (uses.get(value.id) ?? 0) + 1);
  const found = new Map<Op, Behind>();
  const look = ({ ops }: Region, within: readonly Op[]): void => {
    for (const [i, first] of ops.entries()) {
      for (const region of first.regions) look(region, [...within, first]);
      const end = ops.findIndex((later, j) => j > i && later.op !== "state");
      const second = ops[end];
      const result = first.results[0];
      if (!second || !result || second.operands[0] !== result || uses.get(result.id) !== 1) continue;
      if (fits(first, second, within)) found.set(first, { second, named: ops.slice(i + 1, end) });
    }
  };
  look(fn.body, []);
  return found;
}

/** The function with what `make` emits in the place of each pair; the storages that the second names stand before it. */
export function instead(
  fn: IrFunction,
  pairs: ReadonlyMap<Op, Behind>,
  make: (first: Op, second: Op, replay: Replay) => readonly Value[],
): IrFunction {
  if (pairs.size === 0) return fn;
  const done = new Set<Op>();
  return rewrite(fn, (op, replay) => {
    if (done.has(op)) return op.results.map((result) => replay.value(result));
    const pair = pairs.get(op);
    if (!pair) return undefined;
    for (const storage of pair.named) {
      replay.op(storage);
      done.add(storage);
    }
    const results = make(op, pair.second, replay);
    replay.stand(pair.second.results[0]!, results[0]!);
    done.add(pair.second);
    return results;
  });
}
