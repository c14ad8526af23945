/**
 * @file Batch normalisation in training takes the PReLU behind it along: both read and write whole activations and do next to nothing
 * with them, so together they take half the time.
 *
 *     %a = batch_norm(%x, %w, %b, %m, %v, training = true)       %s = state @slope
 *     %s = state @slope                                          %y = batch_norm_prelu(%x, %w, %b, %m, %v, %s, training = true)
 *     %y = prelu(%a, %s)
 *
 * Nobody else may use what is normalised, and between the two there is nothing but storages that are named.
 */
import { fuse, type Op, type Region, walkOps } from "../ir/module.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";

/** A PReLU, and the storages that are named before it and behind the normalisation. */
interface Behind {
  readonly prelu: Op;
  readonly named: readonly Op[];
}

const DOC = "Batch normalisation in training and the PReLU behind it are one op.";

export const fusedNorms = overFunctions("fused-norms", DOC, (fn, _, count) => {
  const uses = new Map<number, number>();
  for (const op of walkOps(fn.body))
    for (const value of op.operands) if (value) uses.set(value.id, (uses.get(value.id) ?? 0) + 1);
  const behind = new Map(regionsOf(fn.body).flatMap((region) => pairs(region, uses)));
  if (behind.size === 0) return fn;
  const done = new Set<Op>();
  return rewrite(fn, (op, replay) => {
    if (done.has(op)) return op.results.map((result) => replay.value(result));
    const found = behind.get(op);
    if (!found) return undefined;
    for (const storage of found.named) {
      replay.op(storage);
      done.add(storage);
    }
    count("fused");
    const { prelu } = found;
    const operands = [...replay.operands(op), replay.value(prelu.operands[1]!)];
    const results = replay.emit(
      "batch_norm_prelu",
      operands,
      op.attributes,
      fuse(op.location, prelu.location),
    );
    replay.stand(prelu.results[0]!, results[0]!);
    done.add(prelu);
    return results;
  });
});

function regionsOf(body: Region): readonly Region[] {
  return [body, ...body.ops.flatMap((op) => op.regions.flatMap(regionsOf))];
}

function pairs({ ops }: Region, uses: ReadonlyMap<number, number>): readonly (readonly [Op, Behind])[] {
  return ops.flatMap((op, i) => {
    if (op.op !== "batch_norm" || op.attributes.training !== true) return [];
    const end = ops.findIndex((later, j) => j > i && later.op !== "state");
    const prelu = ops[end]!;
    const normalised = op.results[0]!;
    if (prelu.op !== "prelu" || prelu.operands[0] !== normalised || uses.get(normalised.id) !== 1) return [];
    return [[op, { prelu, named: ops.slice(i + 1, end) }] as const];
  });
}
