/**
 * @file Ops of which each is all that uses the one before, so that one can do what they do. Between them there is nothing but storages
 * that are named:
 *
 *     %a = first(%x)
 *     %s = state @slope
 *     %y = second(%a, %s)
 */
import { type IrFunction, type Op, type Region, type Value, walkOps } from "../ir/module.js";
import { type Replay, rewrite } from "./replay.js";

/** The ops behind a first one, and the storages that are named between them all. */
export interface Behind {
  readonly ops: readonly Op[];
  readonly named: readonly Op[];
}

/** Pairs, by the first op of each; `fits` says of two ops whether they are one. */
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
      if (fits(first, second, within)) found.set(first, { ops: [second], named: ops.slice(i + 1, end) });
    }
  };
  look(fn.body, []);
  return found;
}

/** Threes, by the first op of each: pairs behind which another pair begins. No op is of two of them. */
export function threes(
  firsts: ReadonlyMap<Op, Behind>,
  seconds: ReadonlyMap<Op, Behind>,
): ReadonlyMap<Op, Behind> {
  const taken = new Set<Op>();
  const found = new Map<Op, Behind>();
  for (const [first, { ops, named }] of firsts) {
    const rest = seconds.get(ops[0]!);
    if (!rest || taken.has(first)) continue;
    found.set(first, { ops: [...ops, ...rest.ops], named: [...named, ...rest.named] });
    for (const op of rest.ops) taken.add(op);
  }
  return found;
}

/** The function with what `make` emits in the place of each first op and those behind it; the storages that they name stand before. */
export function instead(
  fn: IrFunction,
  found: ReadonlyMap<Op, Behind>,
  make: (first: Op, behind: readonly Op[], replay: Replay) => readonly Value[],
): IrFunction {
  if (found.size === 0) return fn;
  const done = new Set<Op>();
  return rewrite(fn, (op, replay) => {
    if (done.has(op)) return op.results.map((result) => replay.value(result));
    const behind = found.get(op);
    if (!behind) return undefined;
    for (const storage of behind.named) {
      replay.op(storage);
      done.add(storage);
    }
    const results = make(op, behind.ops, replay);
    // Only the last one's result is used elsewhere, and gives its name.
    for (const later of behind.ops.toReversed()) {
      replay.stand(later.results[0]!, results[0]!);
      done.add(later);
    }
    return results;
  });
}
