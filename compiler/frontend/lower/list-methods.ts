/** @file The methods of lists that hold more than is known now. */
import type { ts } from "../typescript.js";
import { callOperand } from "./calls.js";
import { iterate } from "./loops.js";
import type { Lowerer } from "./lowerer.js";
import { fixed, isStatic, list, NOTHING, type Operand, staticValue } from "./operand.js";
import { fieldsOf, itemsOf } from "./patterns.js";
import type { Scope } from "./scope.js";
import { effect } from "./statements.js";
import { describe, shortly } from "./words.js";

const ADDS = new Set(["push", "unshift"]);
const LIST_CHANGES = new Set([
  ...["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"],
]);
/** Refuses a method that would change the list. What is done with the list later says nothing new. */
export function refuseListChange(
  lowerer: Lowerer,
  callee: ts.PropertyAccessExpression,
  args: readonly ts.Node[],
  scope: Scope,
): void {
  const method = callee.name.text;
  if (!LIST_CHANGES.has(method)) return;
  scope.spoil(callee.expression);
  if (!ADDS.has(method)) lowerer.refuse(callee.name, "assignment-in-place.list-method", { method });
  const [old, item] = [shortly(callee.expression, "old"), args.map((a) => shortly(a, "item")).join(", ")];
  const written = method === "push" ? `${old} = [...${old}, ${item}]` : `${old} = [${item}, ...${old}]`;
  lowerer.refuse(callee.name, "assignment-in-place.list-adding", { method, written, list: old });
}

type ListMethod = (
  lowerer: Lowerer,
  node: ts.CallExpression,
  items: readonly Operand[],
  args: readonly Operand[],
) => Operand;
export const LIST_METHODS: Readonly<Record<string, ListMethod>> = {
  map: (lowerer, node, items, args) => list(askedOf(lowerer, node, items, args)),
  flatMap: (lowerer, node, items, args) =>
    list(askedOf(lowerer, node, items, args).flatMap((made) => spreadOf(lowerer, made))),
  forEach: (lowerer, node, items, [fn]) => {
    for (const [i, item] of items.entries()) {
      const given = [item, fixed(i), list(items)];
      // Nobody asks what it gives.
      if (fn?.kind === "closure") lowerer.inline(fn.source, given, node, fn, effect);
      else callOperand(lowerer, node, fn ?? NOTHING, given);
    }
    return NOTHING;
  },
  filter: (lowerer, node, items, args) => {
    const kept = decidedOf(lowerer, node, items, args);
    return list(items.filter((_, i) => kept[i]));
  },
  some: (lowerer, node, items, args) => fixed(decidedOf(lowerer, node, items, args, true).includes(true)),
  every: (lowerer, node, items, args) => fixed(!decidedOf(lowerer, node, items, args, false).includes(false)),
  find: (lowerer, node, items, args) =>
    items[decidedOf(lowerer, node, items, args, true).indexOf(true)] ?? NOTHING,
  findIndex: (lowerer, node, items, args) => fixed(decidedOf(lowerer, node, items, args, true).indexOf(true)),
  reverse: (_lowerer, _node, items) => list([...items].reverse()),
  toReversed: (_lowerer, _node, items) => list([...items].reverse()),
  sort: (lowerer, node, items, args) => list(sorted(lowerer, node, items, args)),
  toSorted: (lowerer, node, items, args) => list(sorted(lowerer, node, items, args)),
  at: (lowerer, node, items, [index = fixed(0)]) => {
    if (!isStatic(index))
      lowerer.refuse(node.arguments[0]!, "run-time-index.at", { operand: describe(index) });
    return items.at(staticValue(index) as number) ?? NOTHING;
  },
  reduce: (lowerer, node, items, [fn, initial]) => {
    const rest = initial === undefined ? items.slice(1) : items;
    const first = initial ?? items[0] ?? lowerer.refuse(node.expression, "not-a-collection.reduced", {});
    return rest.reduce(
      (sum, item, i) =>
        callOperand(lowerer, node, fn ?? NOTHING, [
          sum,
          item,
          fixed(i + items.length - rest.length),
          list(items),
        ]),
      first,
    );
  },
  slice: (lowerer, node, items, args) => {
    const late = args.findIndex((argument) => !isStatic(argument));
    if (late >= 0) {
      const at = node.arguments[late] ?? node;
      lowerer.refuse(at, "run-time-index.cut", { operand: describe(args[late]!) });
    }
    return list(items.slice(...(args.map(staticValue) as [number, number])));
  },
  concat: (lowerer, _node, items, args) => list([...items, ...args.flatMap((a) => spreadOf(lowerer, a))]),
};

/** What `concat` and `flatMap` take apart: lists, and nothing else. */
const spreadOf = (lowerer: Lowerer, operand: Operand): readonly Operand[] =>
  operand.kind === "list" || (operand.kind === "static" && Array.isArray(operand.value))
    ? itemsOf(lowerer, operand)!
    : [operand];

/** Items in the order that a function gives, which has to be known now. */
const sorted = (
  lowerer: Lowerer,
  node: ts.CallExpression,
  items: readonly Operand[],
  [fn = NOTHING]: readonly Operand[],
): readonly Operand[] =>
  [...items].sort((a, b) => {
    const answer = callOperand(lowerer, node, fn, [a, b]);
    if (!isStatic(answer))
      lowerer.refuse(node.arguments[0] ?? node, "run-time-index.sorted", { operand: describe(answer) });
    return Number(staticValue(answer));
  });

/** The items of what `Array.from` is given: something to loop over, or { length: n }. */
export function arrayFrom(lowerer: Lowerer, node: ts.CallExpression, from: Operand): readonly Operand[] {
  const items = itemsOf(lowerer, from) ?? iterate(lowerer, from);
  if (items) return items;
  const length = fieldsOf(lowerer, from)?.get("length") ?? NOTHING;
  if (length.kind !== "static")
    lowerer.refuse(node.arguments[0] ?? node, "run-time-index.length", { operand: describe(length) });
  return Array.from({ length: Number((length as { value: unknown }).value) || 0 }, () => NOTHING);
}

/** What a function gives for each item of a list. */
export const askedOf = (
  lowerer: Lowerer,
  node: ts.CallExpression,
  items: readonly Operand[],
  [fn = NOTHING]: readonly Operand[],
): readonly Operand[] =>
  items.map((item, i) => callOperand(lowerer, node, fn, [item, fixed(i), list(items)]));

/** The same for a function that decides, which has to be known now; `last`: after this answer no other is asked for. */
function decidedOf(
  lowerer: Lowerer,
  node: ts.CallExpression,
  items: readonly Operand[],
  [fn = NOTHING]: readonly Operand[],
  last?: boolean,
): readonly boolean[] {
  const answers: boolean[] = [];
  for (const [i, item] of items.entries()) {
    const answer = callOperand(lowerer, node, fn, [item, fixed(i), list(items)]);
    if (answer.kind === "value")
      lowerer.refuse(node.arguments[0] ?? node, "run-time-index.chosen", { operand: describe(answer) });
    answers.push(!isStatic(answer) || Boolean(staticValue(answer)));
    if (answers.at(-1) === last) break;
  }
  return answers;
}
