/**
 * @file Rematerialisation: the values inside a `remat` region are not kept for the gradient but computed again, which costs
 * time and saves memory. Griewank and Walther 2000; Chen et al. 2016, arXiv 1604.06174.
 *
 *     %d = remat() { … f(%a) … }              %a1 = leaf(%a)
 *     %loss = …%d…                            %0 = no_grad() { … f(%a1) … }
 *     %g = gradients(%loss, %p)               %d = leaf(%0)
 *                                             %loss = …%d…
 *                                             %g1, %dd = vjp(%p, %loss, 1, %d)
 *                                             %again = …f(%a1)…
 *                                             %g2, %da = vjp(%p, %again, %dd, %a1)
 *                                             %g3 = vjp(%p, %a, %da)
 *                                             %g = %g1 + %g2 + %g3
 *
 * The region runs forward without recording, and its results are leaves: tensors without a history. The gradient is then a
 * chain of vector-Jacobian products from the last region to the first: compute the region again, multiply with the gradient
 * that arrived at its leaves, and pass the product on.
 */
import { type Op, type Region, type Value, walkOps } from "../ir/module.js";
import { specOf } from "../registry/index.js";
import { written } from "../registry/storages.js";
import { overFunctions } from "./pass.js";
import { isReal, Recorded } from "./recorded.js";
import { type Replay, rewrite } from "./replay.js";

/** Whether an op is a region to compute again. */
const isAgain = (op: Op): boolean => specOf(op).control?.gradient === "again";

/**
 * A place where the history is cut: a region that is computed again, or a value from outside that a region uses. `of`: what was there
 * in the old function.
 */
type Cut = { readonly of: readonly Value[]; readonly leaves: readonly Value[] } & (
  | { readonly region: Op; readonly taken: readonly Value[] }
  | { readonly original: Value }
);

export const remat = overFunctions(
  "remat",
  "What `remat` regions compute on the way is computed again for the gradient, not kept.",
  (fn, module, count) => {
    const regions = fn.body.ops.filter(isAgain);
    const taken = fn.body.ops.filter((op) => specOf(op).differentiates);
    if (regions.length === 0 || taken.length === 0) return fn;
    const recorded = new Recorded(module);
    const cuts: Cut[] = [];
    let depth = 0;
    let again = false;

    return rewrite(
      fn,
      (op, replay) => {
        if (isAgain(op) && (depth > 0 || again)) return replay.inline(op.regions[0]!);
        if (isAgain(op)) {
          count("regions");
          return forward(op, replay, recorded, cuts);
        }
        if (taken.includes(op)) {
          again = true;
          // With several losses, one of which may not see what is cut: then it has no gradient there.
          const seen = taken.length > 1 ? dependencies(fn.body.ops, op.operands[0]!) : undefined;
          const own = cuts.filter(({ of }) => !seen || of.some(({ id }) => seen.has(id)));
          const group = backward(op, replay, own);
          again = false;
          return [group];
        }
        if (again) count("ops made again");
        const results = replay.copy(op, again ? withoutMoved(op, replay.operands(op)) : undefined);
        if (depth === 0) recorded.follow(op, replay.operands(op), results);
        return results;
      },
      { enter: () => depth++, leave: () => depth-- },
    );
  },
);

/** The operands of an op that is made again: what it moves on the side, such as statistics, has moved already. */
function withoutMoved(op: Op, operands: Op["operands"]): Op["operands"] {
  if (specOf(op).effect !== "update") return operands;
  const moved = written(op, operands);
  return operands.map((value) => (value && moved.includes(value) ? undefined : value));
}

/** Runs a region without recording; what comes out of it are leaves. */
function forward(op: Op, replay: Replay, recorded: Recorded, cuts: Cut[]): readonly Value[] {
  const free = takenIn(op.regions[0]!);
  for (const old of free) {
    const original = replay.value(old);
    if (!isReal(original) || recorded.of(original) !== "history") continue;
    const [leaf] = replay.emit("leaf", [original], {}, op.location);
    recorded.set(leaf!, "leaf");
    replay.stand(old, leaf!);
    cuts.push({ of: [old], original, leaves: [leaf!] });
  }
  const results = replay.copy({ ...op, op: "no_grad" });
  const leaves = results.map((result) => {
    if (!isReal(result)) return result;
    const [leaf] = replay.emit("leaf", [result], {}, op.location);
    recorded.set(leaf!, "leaf");
    return leaf!;
  });
  const taken = free.map((old) => replay.value(old)).filter((v) => recorded.of(v) === "leaf");
  cuts.push({ of: op.results, region: op, leaves: leaves.filter(isReal), taken });
  return leaves;
}

/** The gradient, back through all cuts. */
function backward(op: Op, replay: Replay, cuts: readonly Cut[]): Value {
  const at = op.location;
  const [loss, group] = replay.operands(op) as [Value, Value];
  const arrived = new Map<number, Value>();
  const product = (
    outputs: readonly Value[],
    cotangents: readonly Value[],
    leaves: readonly Value[],
    retain: boolean,
  ) => {
    const operands = [group, ...outputs, ...cotangents, ...leaves];
    const [gradients, ...rest] = replay.emit("vjp", operands, { outputs: outputs.length, retain }, at);
    leaves.forEach((leaf, i) => {
      const before = arrived.get(leaf.id);
      arrived.set(leaf.id, before ? replay.emit("add", [before, rest[i]], {}, at)[0]! : rest[i]!);
    });
    return gradients!;
  };
  const dtype = loss.type.kind === "tensor" ? loss.type.dtype : "f32";
  const [one] = replay.emit("full", [], { shape: [], value: 1, dtype }, at);
  let total = product(
    [loss],
    [one!],
    cuts.flatMap((cut) => cut.leaves),
    true,
  );
  const scale = replay.number(1, at);
  for (const [i, cut] of [...cuts.entries()].reverse()) {
    const isRegion = "region" in cut;
    const outputs = isRegion ? replay.inline(cut.region.regions[0]!).filter(isReal) : [cut.original];
    const leaves = isRegion ? cut.taken : cuts.slice(0, i).flatMap((before) => before.leaves);
    if (outputs.length === 0) continue;
    const cotangents = cut.leaves.map((leaf) => arrived.get(leaf.id)!);
    const part = product(outputs, cotangents, leaves, !isRegion);
    total = replay.emit("foreach_add", [total, part, scale], {}, at)[0]!;
  }
  return total;
}

/** The values that one is computed from, by their ids. */
function dependencies(ops: readonly Op[], value: Value): ReadonlySet<number> {
  const found = new Set([value.id]);
  for (const op of ops.toReversed())
    if (op.results.some(({ id }) => found.has(id)))
      for (const operand of [op, ...op.regions.flatMap((region) => [...walkOps(region)])].flatMap(
        ({ operands }) => operands,
      ))
        if (operand) found.add(operand.id);
  return found;
}

/** The values from outside that a region uses. */
function takenIn(region: Region): readonly Value[] {
  const own = new Set<number>();
  const define = (r: Region): void => {
    for (const arg of r.args) own.add(arg.id);
    for (const op of r.ops) {
      for (const result of op.results) own.add(result.id);
      op.regions.forEach(define);
    }
  };
  define(region);
  const taken = new Map<number, Value>();
  for (const op of walkOps(region))
    for (const operand of op.operands) if (operand && !own.has(operand.id)) taken.set(operand.id, operand);
  return [...taken.values()];
}
