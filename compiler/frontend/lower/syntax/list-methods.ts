/**
 * @file The methods of lists that hold more than is known now. Each is JavaScript's own over operands; lists leave no trace.
 *
 *     TypeScript in                             IR out
 *     [a, b].map((t) => t.mul(2))               %c = mul(%a, 2);  %d = mul(%b, 2)
 *     losses.reduce((sum, l) => sum.add(l))     %s = add(%l0, %l1) …
 */
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { describe, shortly } from "../refusals/words.js";
import { fieldsOf, itemsOf, iterate } from "../values/collections.js";
import { fixed, isStatic, list, NOTHING, type Operand, type Scope, staticValue } from "../values/operand.js";

const ADDS = new Set(["push", "unshift"]);

const LIST_CHANGES = new Set([
  ...["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"],
]);

/** Refuses a method that would change the list. What is done with the list later says nothing new. */
export function refuseListChange(
  lowering: Lowering,
  callee: ts.PropertyAccessExpression,
  args: readonly ts.Node[],
  scope: Scope,
): void {
  const method = callee.name.text;
  if (!LIST_CHANGES.has(method)) return;
  scope.spoil(callee.expression);
  if (!ADDS.has(method)) lowering.refuse(callee.name, "assignment-in-place.list-method", { method });
  const [old, item] = [shortly(callee.expression, "old"), args.map((a) => shortly(a, "item")).join(", ")];
  const written = method === "push" ? `${old} = [...${old}, ${item}]` : `${old} = [${item}, ...${old}]`;
  lowering.refuse(callee.name, "assignment-in-place.list-adding", { method, written, list: old });
}

type ListMethod = (
  lowering: Lowering,
  node: ts.CallExpression,
  items: readonly Operand[],
  args: readonly Operand[],
) => Operand;

export const LIST_METHODS: Readonly<Record<string, ListMethod>> = {
  map: (lowering, node, items, args) => list(askedOf(lowering, node, items, args)),
  flatMap: (lowering, node, items, args) =>
    list(askedOf(lowering, node, items, args).flatMap((made) => spreadOf(lowering, made))),
  forEach: (lowering, node, items, [fn]) => {
    for (const [i, item] of items.entries()) {
      const given = [item, fixed(i), list(items)];
      // What it gives is not used.
      if (fn?.kind === "closure") lowering.inline(fn.source, given, node, fn, true);
      else lowering.call(node, fn ?? NOTHING, given);
    }
    return NOTHING;
  },
  filter: (lowering, node, items, args) => {
    const kept = decidedOf(lowering, node, items, args);
    return list(items.filter((_, i) => kept[i]));
  },
  some: (lowering, node, items, args) => fixed(decidedOf(lowering, node, items, args, true).includes(true)),
  every: (lowering, node, items, args) =>
    fixed(!decidedOf(lowering, node, items, args, false).includes(false)),
  find: (lowering, node, items, args) =>
    items[decidedOf(lowering, node, items, args, true).indexOf(true)] ?? NOTHING,
  findIndex: (lowering, node, items, args) =>
    fixed(decidedOf(lowering, node, items, args, true).indexOf(true)),
  reverse: (_lowerer, _node, items) => list([...items].reverse()),
  toReversed: (_lowerer, _node, items) => list([...items].reverse()),
  sort: (lowering, node, items, args) => list(sorted(lowering, node, items, args)),
  toSorted: (lowering, node, items, args) => list(sorted(lowering, node, items, args)),
  at: (lowering, node, items, [index = fixed(0)]) => {
    if (!isStatic(index))
      lowering.refuse(node.arguments[0]!, "run-time-index.at", { operand: describe(index) });
    return items.at(staticValue(index) as number) ?? NOTHING;
  },
  reduce: (lowering, node, items, [fn, initial]) => {
    const rest = initial === undefined ? items.slice(1) : items;
    const first = initial ?? items[0] ?? lowering.refuse(node.expression, "not-a-collection.reduced", {});
    return rest.reduce(
      (sum, item, i) =>
        lowering.call(node, fn ?? NOTHING, [sum, item, fixed(i + items.length - rest.length), list(items)]),
      first,
    );
  },
  slice: (lowering, node, items, args) => {
    const late = args.findIndex((argument) => !isStatic(argument));
    if (late >= 0) {
      const at = node.arguments[late] ?? node;
      lowering.refuse(at, "run-time-index.cut", { operand: describe(args[late]!) });
    }
    return list(items.slice(...(args.map(staticValue) as [number, number])));
  },
  concat: (lowering, _node, items, args) => list([...items, ...args.flatMap((a) => spreadOf(lowering, a))]),
};

/** What `concat` and `flatMap` take apart: lists, and nothing else. */
const spreadOf = (lowering: Lowering, operand: Operand): readonly Operand[] =>
  operand.kind === "list" || (operand.kind === "static" && Array.isArray(operand.value))
    ? itemsOf(lowering, operand)!
    : [operand];

/** Items in the order that a function gives, which has to be known now. */
const sorted = (
  lowering: Lowering,
  node: ts.CallExpression,
  items: readonly Operand[],
  [fn = NOTHING]: readonly Operand[],
): readonly Operand[] =>
  [...items].sort((a, b) => {
    const answer = lowering.call(node, fn, [a, b]);
    if (!isStatic(answer))
      lowering.refuse(node.arguments[0] ?? node, "run-time-index.sorted", { operand: describe(answer) });
    return Number(staticValue(answer));
  });

/** The items of what `Array.from` is given: something to loop over, or { length: n }. */
export function arrayFrom(lowering: Lowering, node: ts.CallExpression, from: Operand): readonly Operand[] {
  const items = itemsOf(lowering, from) ?? iterate(lowering, from);
  if (items) return items;
  const length = fieldsOf(lowering, from)?.get("length") ?? NOTHING;
  if (length.kind !== "static")
    lowering.refuse(node.arguments[0] ?? node, "run-time-index.length", { operand: describe(length) });
  return Array.from({ length: Number((length as { value: unknown }).value) || 0 }, () => NOTHING);
}

/** What a function gives for each item of a list. */
export const askedOf = (
  lowering: Lowering,
  node: ts.CallExpression,
  items: readonly Operand[],
  [fn = NOTHING]: readonly Operand[],
): readonly Operand[] => items.map((item, i) => lowering.call(node, fn, [item, fixed(i), list(items)]));

/** The same for a function that gives a boolean, which has to be known now; after the answer `last` the rest is not called. */
function decidedOf(
  lowering: Lowering,
  node: ts.CallExpression,
  items: readonly Operand[],
  [fn = NOTHING]: readonly Operand[],
  last?: boolean,
): readonly boolean[] {
  const answers: boolean[] = [];
  for (const [i, item] of items.entries()) {
    const answer = lowering.call(node, fn, [item, fixed(i), list(items)]);
    if (answer.kind === "value")
      lowering.refuse(node.arguments[0] ?? node, "run-time-index.chosen", { operand: describe(answer) });
    answers.push(!isStatic(answer) || Boolean(staticValue(answer)));
    if (answers.at(-1) === last) break;
  }
  return answers;
}
