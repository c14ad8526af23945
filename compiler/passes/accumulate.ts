/**
 * @file Gradient accumulation: one update for the mean gradient of several steps, for batches that the device cannot hold.
 *
 *     foreach_lerp_(%twin, %net, %ema)        if(%accumulate.first) { foreach_lerp_(%twin, %net, %ema) }
 *     …                                       …
 *     %g = gradients(%loss, %p)               %now = gradients(%loss, %p)
 *     foreach_add_(%p, %g, %less)             %g = group(@accumulate.gradient)
 *                                             foreach_add_(%g, %now, 1 / steps)
 *                                             if(%accumulate.last) { foreach_add_(%p, %g, %less) foreach_mul_(%g, 0) }
 *
 * Writes that depend on no image, such as a twin's moving average, happen once an update, since their constants are chosen
 * for updates; writes that depend on images, such as a pool's, happen in every step.
 */
import {
  type Group,
  type GroupType,
  type IrFunction,
  type IrModule,
  isTrained,
  type Op,
  type Storage,
  scalarType,
  type Value,
  withNested,
} from "../ir/module.js";
import { specOf } from "../registry/index.js";
import { isWrite, membersOf } from "../registry/storages.js";
import { takesGradient } from "./flatten.js";
import type { Pass } from "./pass.js";
import { type Replay, rewrite } from "./replay.js";
import { seesImages, trainedWrites } from "./written.js";

/** Inputs of the plan: whether a step is the first, or the last, of those that make an update. */
export const ACCUMULATE_FIRST = "accumulate.first";
export const ACCUMULATE_LAST = "accumulate.last";
const GROUP = "accumulate.gradient";
/** Whether a storage or a group is a sum of gradients. */
export const isGradientSum = (name: string): boolean => name === GROUP || name.startsWith(`${GROUP}.`);

export const accumulate = (steps: number): Pass => ({
  name: "accumulate",
  doc: "The optimizer runs once in several steps, on the mean of their gradients.",
  run(module) {
    const layouts = [...new Set(module.functions.flatMap(derivatives).map((op) => layoutOf(op.results[0]!)))];
    const lists = new Map(layouts.map((layout) => [layout, listsOf(layout, layouts.length > 1, module)]));
    const functions = module.functions.map((fn) =>
      takesGradient(fn) ? accumulated(fn, steps, module, lists) : fn,
    );
    const sums = module.storages
      .filter((s) => isTrained(s) && s.role === "parameter")
      .map(
        (p): Storage => ({
          ...p,
          name: `${GROUP}.${p.name}`,
          init: { kind: "zeros" },
          role: "optimizer",
          slotOf: p.name,
        }),
      );
    const groups = [...lists.values()].flatMap(({ sums, whole, rows }) => [
      ...(whole.members.length > 0
        ? [{ name: sums, members: whole.members.map((name) => `${GROUP}.${name}`) }]
        : []),
      ...(rows.members.length > 0 ? [whole, rows].filter(({ members }) => members.length > 0) : []),
    ]);
    return {
      module: {
        ...module,
        functions,
        storages: [...module.storages, ...sums],
        groups: [...module.groups, ...groups],
      },
      statistics: { "steps an update": steps },
    };
  },
});

/** Of each loss one. */
const derivatives = ({ body }: IrFunction): readonly Op[] =>
  body.ops.filter((op) => specOf(op).differentiates);

/** The group of parameters that a list of gradients has the members of. */
const layoutOf = ({ type }: Value): string => (type as GroupType).group;

/** The members of a list of gradients: whole parameters, whose sums lie in a group, and rows of some, which move in every step. */
interface Lists {
  readonly sums: string;
  readonly whole: Group;
  readonly rows: Group;
}

function listsOf(layout: string, isOneOfSeveral: boolean, { groups, storages }: IrModule): Lists {
  const scratch = new Set(storages.filter((s) => s.role === "scratch").map((s) => s.name));
  const members = membersOf(groups).get(layout)!;
  const whole = members.filter((name) => !scratch.has(name));
  return {
    sums: isOneOfSeveral ? `${GROUP}.${layout}` : GROUP,
    whole: { name: whole.length === members.length ? layout : `accumulate.whole.${layout}`, members: whole },
    rows: { name: `accumulate.rows.${layout}`, members: members.filter((name) => scratch.has(name)) },
  };
}

function accumulated(
  fn: IrFunction,
  steps: number,
  module: IrModule,
  lists: ReadonlyMap<string, Lists>,
): IrFunction {
  const { ops } = fn.body;
  const taken = derivatives(fn);
  const from = ops.indexOf(taken.at(-1)!);
  const sees = seesImages(fn, module);
  const writesTrained = trainedWrites(fn, module);
  // A method may also write to a parameter directly from images; that is not part of the update.
  const parts = updateOf(fn, from, (op) => writesTrained(op) && !sees(op));
  const update = new Set(parts.flat());
  const once = ops.filter((op) => onlyWrites(op) && !update.has(op) && !sees(op));
  const [before, after] = [new Set(once.filter((o) => ops.indexOf(o) < from)), new Set(once)];

  const inputs = [ACCUMULATE_FIRST, ACCUMULATE_LAST].map((name, i) => ({
    value: { id: -1 - i, name, type: scalarType("bool") },
    source: { kind: "plan" } as const,
  }));
  const [first, last] = inputs.map((i) => i.value) as [Value, Value];
  const when = (condition: Value, op: Op, replay: Replay, body: () => void): void => {
    const { builder } = replay;
    const arms = [builder.region([], body), builder.region([], () => {})];
    const regions = arms.map((arm) => builder.finish(arm.region, [], op.location));
    builder.structured("if", [replay.value(condition)], regions, [], op.location);
  };

  const sums: Value[] = [];
  const clear = (at: Op["location"], replay: Replay) => {
    for (const sum of sums) replay.emit("foreach_mul_", [sum, replay.number(0, at)], {}, at);
  };

  return rewrite({ ...fn, inputs: [...fn.inputs, ...inputs] }, (op, replay) => {
    const at = op.location;
    if (taken.includes(op)) {
      const [gradients] = replay.copy(op);
      const layout = layoutOf(gradients!);
      const { sums: name, whole, rows } = lists.get(layout)!;
      const some = ({ name: group, members }: Group): Value | undefined => {
        if (group === layout || members.length === 0) return members.length > 0 ? gradients : undefined;
        return replay.emit("members", [gradients], { group }, at)[0];
      };
      const found: Value[] = [];
      const summed = some(whole);
      if (summed) {
        const [sum] = replay.emit("group", [], { name }, at, [summed.type]);
        replay.emit("foreach_add_", [sum!, summed, replay.number(1 / steps, at)], {}, at);
        sums.push(sum!);
        found.push(sum!);
      }
      // Each step has rows of its own: they move by their share at once.
      const moved = some(rows);
      if (moved) found.push(replay.emit("foreach_mul", [moved, replay.number(1 / steps, at)], {}, at)[0]!);
      const all = moved ? replay.emit("members", found, { group: layout }, at)[0]! : found[0]!;
      replay.stand(op.results[0]!, all);
      if (parts.length === 0 && op === taken.at(-1)) when(last, op, replay, () => clear(at, replay));
      return [all];
    }
    const part = parts.find(([begin]) => begin === op);
    if (part)
      when(last, op, replay, () => {
        for (const o of part)
          for (const [i, value] of replay.copy(o).entries()) replay.stand(o.results[i]!, value);
        if (part === parts.at(-1)) clear(at, replay);
      });
    // Only ops of the update use these results, so outside of it any value may stand for them.
    if (update.has(op)) return op.results.map((result) => replay.standing(result) ?? inputs[0]!.value);
    if (after.has(op)) {
      when(before.has(op) ? first : last, op, replay, () => replay.copy(op));
      return [];
    }
    return undefined;
  });
}

/**
 * The ops that happen once an update: those that write parameters or optimizer slots, and those whose results only these
 * use. They are divided into runs of neighbouring ops, since ops between them happen in every step.
 */
function updateOf(fn: IrFunction, from: number, isTrained: (op: Op) => boolean): readonly (readonly Op[])[] {
  const { ops } = fn.body;
  const range = ops.slice(from + 1, ops.findLastIndex(isTrained) + 1);
  const users = new Map<number, Op[]>();
  for (const op of ops)
    for (const value of withNested(op).flatMap((o) => o.operands))
      if (value) users.set(value.id, [...(users.get(value.id) ?? []), op]);
  const update = new Set(range);
  for (;;) {
    const parts: Op[][] = [[]];
    for (const op of range)
      if (update.has(op)) parts.at(-1)!.push(op);
      else if (parts.at(-1)!.length) parts.push([]);
    const partOf = new Map(parts.flatMap((part) => part.map((op) => [op, part])));
    const belongs = (op: Op) =>
      (isTrained(op) || withNested(op).every((o) => ["pure", "read"].includes(specOf(o).effect))) &&
      op.results.every((r) => (users.get(r.id) ?? []).every((user) => partOf.get(user) === partOf.get(op)));
    const strangers = [...update].filter((op) => !belongs(op));
    if (strangers.length === 0) return parts.filter((part) => part.length > 0);
    for (const op of strangers) update.delete(op);
  }
}

/** Whether an op is a write, or an `if` or a loop that has no results and writes. */
const onlyWrites = (op: Op) => op.results.length === 0 && withNested(op).some(isWrite);
