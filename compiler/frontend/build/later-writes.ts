/**
 * @file Finds writes that can as well stand after the gradient, where they overwrite what the gradient still needs: a step that keeps
 * something may be a part of a longer one, whose loss is complete only later.
 *
 *     %loss = mean(…)                    %loss = mean(…)
 *     index_copy_(%bank, …)              %all = add(%loss, %more)
 *     %all = add(%loss, %more)           gradient and update, by %bank as it was
 *                                        index_copy_(%bank, …)
 */
import { type Op, walkOps } from "../../ir/module.js";
import { Aliases, type Root } from "../../passes/aliases.js";
import { isWrite, type Members, written } from "../../registry/storages.js";

/**
 * Those of the writes `early`, among `ops`, that give the same after the last of them: nothing there sees what they write, or changes what
 * they are made of. `updated` are storages that the optimizer changes; `groups`: their members.
 */
export function laterWrites(
  ops: readonly Op[],
  early: ReadonlySet<Op>,
  { updated, groups }: { readonly updated: ReadonlySet<string>; readonly groups: Members },
): ReadonlySet<Op> {
  const aliases = new Aliases(groups);
  aliases.throughAll(ops);
  const rootsOf = (values: Op["operands"]) =>
    values.flatMap((value) => (value ? aliases.storagesOf(value) : []));
  const later = new Set<Op>();
  // Of what stays behind the op that the walk has come to: what it reads or writes, and what is changed.
  const used = new Set<Root>();
  const changed = new Set<Root>(updated);
  for (const op of ops.toReversed()) {
    const waits =
      early.has(op) &&
      isWrite(op) &&
      !meets(rootsOf(written(op)), used) &&
      !meets(rootsOf(op.operands), changed);
    if (waits) later.add(op);
    else
      for (const each of walkOps({ args: [], ops: [op] })) {
        for (const root of rootsOf(each.operands)) used.add(root);
        for (const root of rootsOf(written(each))) changed.add(root);
      }
  }
  return new Set(ops.filter((op) => later.has(op)));
}

/** Whether two may be the same memory. */
const meets = (roots: readonly Root[], others: ReadonlySet<Root>): boolean =>
  roots.some((root) => (root === undefined ? others.size > 0 : others.has(root) || others.has(undefined)));
