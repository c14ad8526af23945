/**
 * @file Finds writes that can as well stand after the gradient, where they overwrite what the gradient still needs: a step that keeps
 * something may be a part of a longer one, whose loss is complete only later.
 *
 *     %loss = mean(…)                    %loss = mean(…)
 *     index_copy_(%bank, …)              %all = add(%loss, %more)
 *     %all = add(%loss, %more)           gradient and update, by %bank as it was
 *                                        index_copy_(%bank, …)
 */
import { type Op, type Value, walkOps } from "../../ir/module.js";
import {
  aliased,
  isWrite,
  type Members,
  namesStorage,
  storagesOf,
  written,
} from "../../registry/storages.js";

/** What a value may share memory with: storages by name, or any. */
type Roots = ReadonlySet<string> | "any";

/**
 * Those of the writes `early`, among `ops`, that give the same after the last of them: nothing there sees what they write, or changes what
 * they are made of. `updated` are storages that the optimizer changes; `groups`: their members.
 */
export function laterWrites(
  ops: readonly Op[],
  early: ReadonlySet<Op>,
  { updated, groups }: { readonly updated: ReadonlySet<string>; readonly groups: Members },
): ReadonlySet<Op> {
  const rootsOf = rootsIn(ops, groups);
  const later = new Set(ops.filter((op) => early.has(op) && isWrite(op)));
  const isBlocked = (write: Op): boolean => {
    const targets = written(write).map(rootsOf);
    const made = write.operands.map(rootsOf);
    if (made.some((roots) => meets(roots, updated))) return true;
    return ops
      .slice(ops.indexOf(write) + 1)
      .some(
        (op) =>
          !later.has(op) &&
          [...walkOps({ args: [], ops: [op] })].some(
            (each) =>
              each.operands.some((value) => targets.some((target) => meets(rootsOf(value), target))) ||
              written(each).some((value) => made.some((roots) => meets(rootsOf(value), roots))),
          ),
      );
  };
  for (let blocked = [...later].filter(isBlocked); blocked.length > 0; blocked = [...later].filter(isBlocked))
    for (const write of blocked) later.delete(write);
  return later;
}

const NONE: ReadonlySet<string> = new Set();

function meets(a: Roots, b: Roots): boolean {
  if (a === "any" || b === "any") return (a === "any" || a.size > 0) && (b === "any" || b.size > 0);
  return [...a].some((name) => b.has(name));
}

/** What each value may share memory with; results and arguments of regions may be anything. */
function rootsIn(ops: readonly Op[], groups: Members): (value: Value | undefined) => Roots {
  const roots = new Map<number, Roots>();
  const of = (value: Value | undefined): Roots => (value && roots.get(value.id)) ?? NONE;
  for (const op of walkOps({ args: [], ops })) {
    for (const region of op.regions) for (const arg of region.args) roots.set(arg.id, "any");
    const shared = aliased(op).map(of);
    const own = namesStorage(op) ? storagesOf(op, groups) : [];
    const all: Roots =
      (op.regions.length > 0 && op.results.some(({ type }) => type.kind !== "scalar")) ||
      shared.includes("any")
        ? "any"
        : new Set([...own, ...shared.flatMap((each) => [...(each as ReadonlySet<string>)])]);
    for (const result of op.results) roots.set(result.id, all);
  }
  return of;
}
