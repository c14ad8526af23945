/**
 * @file What a value is after a choice, of which each arm has made one: the same where both left it alone, a result of the
 * choice where they differ, part by part for lists and records.
 *
 *     operands in                      IR out
 *     %a in one arm, %b in the other   %c = if … { yield %a } else { yield %b }
 *     [%a, 1] and [%b, 1]              [%c, 1]
 *     f32[4] and f32[8]                F2C3012 `y` is a tensor f32[4] where `p` holds, and a tensor f32[8] where not
 */
import type { OpenRegion } from "../../../build/function-builder.js";
import { printDim } from "../../../ir/dim.js";
import type { ScalarType, Value } from "../../../ir/module.js";
import { printType } from "../../../ir/print-type.js";
import { ts } from "../../typescript.js";
import { assignmentTo } from "../forms/assigned.js";
import { returnIn } from "../forms/jumps.js";
import type { Lowering } from "../lowering.js";
import { called, describe } from "../refusals/words.js";
import { fieldsOf, itemsOf } from "./collections.js";
import { wrapped } from "./modules.js";
import { dynamic, fixed, joinedOf, list, type Operand, record } from "./operand.js";
import { isNumber, isReal, scalar, scalarKind } from "./scalars.js";
import { inOrderOf, isSamePart, partsOf, rebuild, sameStructure } from "./structure.js";

/** A list or a record that is known now, as one whose parts may be replaced by others. */
export function opened(lowering: Lowering, operand: Operand): Operand {
  const isPlain =
    operand.kind === "static" &&
    typeof operand.value === "object" &&
    operand.value !== null &&
    (Array.isArray(operand.value) || Object.getPrototypeOf(operand.value) === Object.prototype);
  if (operand.kind !== "list" && operand.kind !== "record" && !isPlain) return operand;
  const part = (o: Operand) => opened(lowering, o.kind === "static" ? wrapped(lowering, o.value) : o);
  const items = itemsOf(lowering, operand);
  if (items) return list(items.map(part));
  return record([...fieldsOf(lowering, operand)!].map(([name, field]) => [name, part(field)] as const));
}

/** A joined operand whose run-time parts are numbers into the list of yields. */
export type Join = { readonly shape: Operand; readonly parts: readonly (Operand | number)[] };

/** Puts the results in their places. Where no part has changed in either arm, it stays the same list or record, not a copy. */
export function fill(join: Join, results: readonly Value[]): Operand {
  const before = partsOf(join.shape);
  if (join.parts.every((part, i) => part === before[i])) return join.shape;
  const parts = join.parts.map((part) => (typeof part === "number" ? dynamic(results[part]!) : part));
  return joinedOf(rebuild(join.shape, parts));
}

export function joinOperands(
  lowering: Lowering,
  node: ts.Node,
  what: string,
  x: Operand,
  y: Operand,
  a: OpenRegion,
  b: OpenRegion,
  yields: { a: Value; b: Value; name: string }[],
): Join {
  if (x.kind === "hole" && y.kind === "hole") return { shape: x, parts: [x] };
  const filled = (hole: Operand, other: Operand, region: OpenRegion) =>
    hole.kind === "hole" ? lowering.builder.reopen(region, () => zerosLike(lowering, node, other)) : hole;
  [x, y] = [filled(x, y, a), filled(y, x, b)];
  const poison = [...partsOf(x), ...partsOf(y)].find((part) => part.kind === "poison");
  if (poison) return { shape: poison, parts: [poison] };
  if (isSamePart(x, y)) return { shape: x, parts: partsOf(x) };
  [x, y] = [opened(lowering, x), opened(lowering, y)];
  if (!sameStructure(x, y)) disagree(lowering, node, what, describe(x), describe(y));
  const ys = partsOf(inOrderOf(x, y));
  const parts = partsOf(x).map((left, i) => {
    const right = ys[i]!;
    if (isSamePart(left, right)) return left;
    if (left.kind !== "value" && right.kind !== "value" && !(isNumber(left) && isNumber(right)))
      disagree(lowering, node, what, describe(left), describe(right));
    const wish = [left, right].some(isReal) ? "f64" : (scalarKind(left) ?? scalarKind(right));
    const [u, v] = [asValue(lowering, node, left, a, wish), asValue(lowering, node, right, b, wish)];
    if (!u || !v || printType(u.type) !== printType(v.type))
      disagree(lowering, node, what, describe(left), describe(right));
    yields.push({ a: u!, b: v!, name: what });
    return yields.length - 1;
  });
  return { shape: x, parts };
}

/** Something of the same structure and types, for where its values do not matter: zeros. */
export function zerosLike(lowering: Lowering, node: ts.Node, operand: Operand): Operand {
  const parts = partsOf(operand).map((part): Operand => {
    if (part.kind !== "value") return part;
    const { type } = part.value;
    if (type.kind === "scalar")
      return dynamic(
        scalar(lowering, fixed(type.scalar === "bool" ? false : 0), node, type.scalar === "i64"),
      );
    if (type.kind === "tensor" && type.dims.every((d) => typeof d === "number"))
      return dynamic(lowering.emit(node, "full", [], { shape: type.dims, value: 0, dtype: type.dtype })[0]!);
    const open = type.kind === "tensor" ? type.dims.find((d) => typeof d !== "number") : undefined;
    return lowering.refuse(returnIn(node) ?? node, "return-of-open-size", {
      operand: describe(part),
      size: open === undefined ? "it" : printDim(open),
    });
  });
  return rebuild(operand, parts);
}

/** Refuses to join what the two arms of a choice made: `a` where its condition holds, `b` where not. */
function disagree(lowering: Lowering, node: ts.Node, what: string, a: string, b: string): never {
  const name = /^`(.*)`$/.exec(what)?.[1];
  const test = ts.isIfStatement(node)
    ? node.expression
    : ts.isConditionalExpression(node)
      ? node.condition
      : undefined;
  const holds = test && called(test) !== "this" ? `where ${called(test)} holds` : "where the condition holds";
  const at = name === undefined ? node : (assignmentTo(node, name) ?? node);
  return lowering.refuse(at, name === undefined ? "branches-disagree" : "branches-disagree.variable", {
    what,
    one: a,
    condition: holds,
    other: b,
  });
}

/** An operand as a value inside a region: numbers become constants of the wished kind. */
function asValue(
  lowering: Lowering,
  node: ts.Node,
  operand: Operand,
  region: OpenRegion,
  wish: ScalarType | undefined,
): Value | undefined {
  return lowering.builder.reopen(region, () => {
    if (operand.kind === "value") {
      const isInt = scalarKind(operand) === "i64";
      return isInt && wish === "f64"
        ? lowering.emit(node, "scalar_to_f64", [operand.value])[0]
        : operand.value;
    }
    return isNumber(operand) ? scalar(lowering, operand, node, wish === "i64") : undefined;
  });
}
