/** @file What a function writes, and whether a write is part of the update, or depends on images. For `accumulate` and `precision`. */
import { type IrFunction, type IrModule, isTrained, type Op, walkOps, withNested } from "../ir/module.js";
import { takesDerivatives } from "../registry/history.js";
import { specOf } from "../registry/index.js";
import { isWrite, membersOf, namesStorage, storagesOf } from "../registry/storages.js";

/** The ops of a function that name storage, by the values that they give. */
export const namesIn = (fn: IrFunction): ReadonlyMap<number, Op> =>
  new Map([...walkOps(fn.body)].filter(namesStorage).map((op) => [op.results[0]!.id, op]));

/** The ops that name the storages which an op writes, itself or in its regions. */
const writtenBy = (op: Op, names: ReadonlyMap<number, Op>): readonly Op[] =>
  withNested(op)
    .filter(isWrite)
    .map((write) => write.operands[0] && names.get(write.operands[0].id))
    .filter((origin) => origin !== undefined);

type Tables = Pick<IrModule, "groups" | "storages">;

/** The storages that an op names; none of one that names no storage. */
function namedIn({ groups }: Tables): (op: Op | undefined) => readonly string[] {
  const members = membersOf(groups);
  return (op) => storagesOf(op, members);
}

/** What updates move: trained parameters, and what the optimizer keeps. */
const moved = ({ storages }: Tables): ReadonlySet<string> =>
  new Set(
    storages
      .filter((s) => s.role !== "scratch" && (isTrained(s) || s.byRows || s.role === "optimizer"))
      .map((s) => s.name),
  );

/** Whether an op writes what updates move, itself or in its regions. */
export function trainedWrites(fn: IrFunction, tables: Tables): (op: Op) => boolean {
  const names = namesIn(fn);
  const named = namedIn(tables);
  const trained = moved(tables);
  return (op) =>
    writtenBy(op, names)
      .flatMap(named)
      .some((name) => trained.has(name));
}

/**
 * The top-level writes that are part of the update or depend on it, and the ops that name the storages which they write,
 * each once. After the gradient these are all writes to parameters and optimizer slots, and all that use the gradient or a
 * storage that such a write has changed.
 */
export function updateWrites(
  fn: IrFunction,
  tables: Tables,
): { writes: readonly Op[]; written: readonly Op[] } {
  const names = namesIn(fn);
  const named = namedIn(tables);
  const writesTrained = trainedWrites(fn, tables);
  const values = new Set<number>();
  const storages = new Set<string>();
  const writes: Op[] = [];
  const written = new Map<string, Op>();
  const from = fn.body.ops.findIndex(takesDerivatives);
  for (const op of fn.body.ops.slice(from)) {
    const inner = withNested(op);
    const depends =
      specOf(op).differentiates ||
      writesTrained(op) ||
      inner.some((o) =>
        o.operands.some(
          (v) => v && (values.has(v.id) || named(names.get(v.id)).some((s) => storages.has(s))),
        ),
      );
    if (!depends) continue;
    for (const o of inner) for (const result of o.results) values.add(result.id);
    const origins = writtenBy(op, names);
    if (origins.length) writes.push(op);
    for (const origin of origins) {
      written.set(`${origin.op} ${origin.attributes.name}`, origin);
      for (const storage of named(origin)) storages.add(storage);
    }
  }
  return { writes, written: [...written.values()] };
}

/**
 * The top-level ops whose results or writes depend on images or on arrays of the plan, directly or through a storage that
 * was written so, in this step or an earlier one. Two dependencies do not count, because a twin follows both at every
 * update: that of parameters through the gradient, and that of a normalisation's running statistics.
 */
export function seesImages(fn: IrFunction, tables: Tables): (op: Op) => boolean {
  const names = namesIn(fn);
  const named = namedIn(tables);
  const trained = moved(tables);
  // What lies in scratch is of one step, whatever it is made from.
  const storages = new Set(tables.storages.filter((s) => s.role === "scratch").map((s) => s.name));
  for (;;) {
    const before = storages.size;
    const values = new Set(fn.inputs.filter((i) => i.value.type.kind === "tensor").map((i) => i.value.id));
    const ops = new Set<Op>();
    for (const op of fn.body.ops) {
      const sees = withNested(op).some(
        (o) => o.operands.some((v) => v && values.has(v.id)) || named(o).some((s) => storages.has(s)),
      );
      if (!sees || specOf(op).differentiates) continue;
      ops.add(op);
      for (const result of op.results) values.add(result.id);
      for (const storage of writtenBy(op, names).flatMap(named))
        if (!trained.has(storage)) storages.add(storage);
    }
    if (storages.size === before) return (op) => ops.has(op);
  }
}
