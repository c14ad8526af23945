/**
 * @file Channels last: puts images into the memory order in which convolutions are fastest, once before the first of them, and
 * keeps the convolutions' weights in it.
 *
 *     parameter @conv : f32[8, 3, 3, 3]       parameter @conv : f32[8, 3, 3, 3] channels_last
 *     %a = conv2d(%x, %conv, …)               %0 = channels_last(%x)
 *     %b = conv2d(%a, %next, …)               %a = conv2d(%0, %conv, …)
 *                                             %b = conv2d(%a, %next, …)
 *
 * Storages that belong to such a weight member by member (slots of the optimizer, a twin) get the same order. No value changes.
 */
import type { IrModule, Value } from "../ir/module.js";
import { walkOps } from "../ir/module.js";
import { specOf } from "../registry/index.js";
import { overFunctions, type Pass } from "./pass.js";
import { rewrite } from "./replay.js";

const isImages = (value: Value | undefined) => value?.type.kind === "tensor" && value.type.dims.length === 4;

const images = overFunctions("layout", "", (fn, _module, count) => {
  const ordered = new Set<number>();
  return rewrite(fn, (op, replay) => {
    const operands = replay.operands(op);
    if (op.op === "conv2d") {
      const [x, ...rest] = operands;
      const inOrder = ordered.has(x!.id) ? x! : replay.emit("channels_last", [x], {}, op.location)[0]!;
      if (inOrder !== x) count("reordered");
      const results = replay.copy(op, [inOrder, ...rest]);
      ordered.add(results[0]!.id);
      return results;
    }
    const results = replay.copy(op, operands);
    const among = operands.filter(isImages) as Value[];
    if (specOf(op).traits.keepsLayout && among.length > 0 && among.every((v) => ordered.has(v.id)))
      for (const result of results) ordered.add(result.id);
    return results;
  });
});

export const layout: Pass = {
  name: "layout",
  doc: "Convolutions get their images and weights with the channels side by side.",
  run(module) {
    const { module: moved, statistics } = images.run(module);
    const names = lastNames(moved);
    const storages = moved.storages.map((s) =>
      names.has(s.name) ? { ...s, layout: "channels_last" as const } : s,
    );
    return {
      module: { ...moved, storages },
      statistics: { ...statistics, ...(names.size && { storages: names.size }) },
    };
  },
};

/** Weights of convolutions, and the storages that follow them in groups of the same layout. */
function lastNames(module: IrModule): ReadonlySet<string> {
  const names = new Set<string>();
  const groups = new Map<string, Set<string>>();
  for (const fn of module.functions) {
    const states = new Map<number, string>();
    for (const op of walkOps(fn.body)) {
      if (op.op === "state") states.set(op.results[0]!.id, op.attributes.name as string);
      const weight = op.op === "conv2d" && op.operands[1] && states.get(op.operands[1].id);
      if (weight) names.add(weight);
      const type = op.results[0]?.type;
      if (op.op !== "group" || type?.kind !== "group") continue;
      groups.set(type.group, (groups.get(type.group) ?? new Set()).add(op.attributes.name as string));
    }
  }
  const members = new Map(module.groups.map((g) => [g.name, g.members]));
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    for (const alike of groups.values()) {
      const lists = [...alike].map((name) => members.get(name)!);
      lists[0]?.forEach((_, i) => {
        if (lists.some((list) => names.has(list[i]!))) for (const list of lists) names.add(list[i]!);
      });
    }
  }
  return names;
}
