/**
 * @file Constant folding: computes ops on constants, decides choices and loops by constants, drops ops that change nothing.
 * Options of an experiment become constants when a library function is inlined, so there are many.
 *
 *     %2 = scalar_mul(%c2, %c3)                                    %y = mul(%x, %c6)
 *     %3 = scalar_gt(%2, %c0)
 *     %4 = if(%3) { … mul(%x, %2) … } { … add(%x, %2) … }
 *     %5 = mul(%4, %c1)
 *     %6 = neg(%5)
 *     %y = neg(%6)
 *
 * Only what is equal to the last bit, signed zeros and NaN included. A copy of a stored tensor stays: a write may come before
 * it is read.
 */
import type { Op, Type, Value } from "../ir/module.js";
import { printType } from "../ir/print-type.js";
import { specOf } from "../registry/index.js";
import { controlOf, initial } from "../registry/regions.js";
import { membersOf } from "../registry/storages.js";
import { Aliases } from "./aliases.js";
import { overFunctions } from "./pass.js";
import { type Replay, rewrite, type Visit } from "./replay.js";

type Known = number | boolean;

export const fold = overFunctions(
  "fold",
  "What constants decide is decided; ops that change nothing are gone.",
  (fn, module, count) => {
    const known = new Map<number, Known>();
    const made = new Map<number, Op>();
    const aliases = new Aliases(membersOf(module.groups));
    const constant = (value: Known, type: Type, op: Op, replay: Replay): readonly Value[] => {
      const results = replay.emit("constant", [], { value }, op.location, [type]);
      known.set(results[0]!.id, value);
      return results;
    };

    const visit: Visit = (op, replay) => {
      const operands = replay.operands(op);
      if (op.op === "constant" && typeof op.attributes.value !== "string")
        return constant(op.attributes.value as Known, op.results[0]!.type, op, replay);
      const decided = decide(op, operands, known, replay);
      if (decided) {
        count("decided");
        return decided;
      }
      const values = operands.map((v) => v && known.get(v.id));
      const { compute } = specOf(op);
      if (compute && values.every((v) => v !== undefined)) {
        const value = compute(...(values as never[]));
        const [result] = op.results;
        if (fits(value, result!.type)) {
          count("computed");
          return constant(value, result!.type, op, replay);
        }
      }
      const same = unchanged(op, operands, { known, made, aliases });
      if (same) {
        count("unchanged");
        return [same];
      }
      const results = replay.copy(op, operands);
      // The op after replacements, so that later ops can see through it.
      for (const result of results) made.set(result.id, { ...op, operands });
      if (op.regions.length) aliases.mayBeAny(results);
      else aliases.follow(op, operands, results);
      return results;
    };
    return rewrite(fn, visit, { enter: (_, args) => aliases.mayBeAny(args) });
  },
);

interface Facts {
  readonly known: ReadonlyMap<number, Known>;
  readonly made: ReadonlyMap<number, Op>;
  /** A copy of a stored tensor is needed: a write may come before it is read. */
  readonly aliases: Aliases;
}

/** Whether the device would compute the same value. */
function fits(value: Known, type: Type): boolean {
  if (type.kind !== "scalar") return false;
  if (type.scalar === "bool") return typeof value === "boolean";
  // The wire has no -0.
  return (
    typeof value === "number" &&
    Number.isFinite(value) &&
    !Object.is(value, -0) &&
    (type.scalar === "f64" || Number.isSafeInteger(value))
  );
}

/** A choice whose condition is known, a loop without turns. */
function decide(
  op: Op,
  operands: readonly (Value | undefined)[],
  known: ReadonlyMap<number, Known>,
  replay: Replay,
): readonly Value[] | undefined {
  const [first] = operands;
  const decision = first && known.get(first.id);
  if (decision === undefined) return undefined;
  const runs = controlOf(op)?.runs;
  if (runs === "choice") return replay.inline(op.regions[decision ? 0 : 1]!);
  if (runs === "count" && (decision as number) <= 0) return initial({ ...op, operands }) as readonly Value[];
  return undefined;
}

const sameType = (a: Type, b: Type) => printType(a) === printType(b);

/** The operand that an op would return unchanged, to the last bit. */
function unchanged(
  op: Op,
  operands: readonly (Value | undefined)[],
  { known, made, aliases }: Facts,
): Value | undefined {
  const [x, y] = operands;
  const [result] = op.results;
  if (!x || !result) return undefined;
  const { involution, idempotent, neutral, identity } = specOf(op).traits;
  const isNeutral = neutral !== undefined && y !== undefined && known.get(y.id) === neutral;
  if (isNeutral && sameType(x.type, result.type)) return aliases.isShared(x) ? undefined : x;
  const before = made.get(x.id);
  const inner = before?.operands[0];
  if (involution && before?.op === op.op && inner) return aliases.isShared(inner) ? undefined : inner;
  if (idempotent && before?.op === op.op) return x;
  if (identity === "same type" && sameType(x.type, result.type)) return x;
  if (x.type.kind !== "tensor" || result.type.kind !== "tensor") return undefined;
  // These are the algebra of axes, not of values.
  switch (op.op) {
    case "permute":
      return (op.attributes.order as readonly number[]).every((d, i) => d === i) ? x : undefined;
    case "transpose": {
      const rank = x.type.dims.length;
      const pair = (o: Op) =>
        [o.attributes.a as number, o.attributes.b as number]
          .map((d) => (d < 0 ? d + rank : d))
          .sort()
          .join();
      return before?.op === "transpose" && pair(before) === pair(op) ? inner : undefined;
    }
    default:
      return undefined;
  }
}
