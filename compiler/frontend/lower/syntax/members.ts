/**
 * @file Fields and elements: of records and lists what they hold, of tensors their sizes and type.
 *
 *     TypeScript in    IR out
 *     pair[1]          nothing: the second item
 *     x.shape[0]       %n = size(%x, dim = 0), where it is not known now
 */
import { insteadOfTensorMember } from "../../from-pytorch.js";
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { missingMember } from "../refusals/collections.js";
import { refuseLive } from "../refusals/live.js";
import { refuseGlobals, refuseUnrepeatable } from "../refusals/once.js";
import { describe, indexed, shortly, subject } from "../refusals/words.js";
import { fieldOf, itemsOf } from "../values/collections.js";
import { dynamic, fixed, isStatic, list, type Operand, type Scope, staticValue } from "../values/operand.js";
import { endsChain } from "./optional-chains.js";

export function property(lowering: Lowering, node: ts.PropertyAccessExpression, scope: Scope): Operand {
  refuseGlobals(lowering, node, scope);
  const target = lowering.evaluate(node.expression, scope);
  const key = node.name.text;
  const ended = endsChain(node, target);
  if (ended) return ended;
  if (target.kind === "static" && target.value === Math && key === "random")
    refuseUnrepeatable(lowering, node, "Math.random");
  if (target.kind === "value" && target.value.type.kind === "tensor") {
    if (key === "shape")
      return list(
        target.value.type.dims.map((d, i) =>
          typeof d === "number"
            ? fixed(d)
            : dynamic(lowering.emit(node, "size", [target.value], { dim: i })[0]!),
        ),
      );
    if (key === "dtype") return fixed(target.value.type.dtype);
    return lowering.refuse(
      node.name,
      "unknown-method.field",
      { ...subject(node.expression, target), name: key },
      { hint: insteadOfTensorMember(key, { x: shortly(node.expression, "x") }) },
    );
  }
  if (target.kind === "static" && (target.value === undefined || target.value === null)) {
    return missingMember(lowering, node.name, node.expression, target, key);
  }
  refuseLive(lowering, node.expression, target);
  return fieldOf(lowering, target, key, node);
}

export function element(lowering: Lowering, node: ts.ElementAccessExpression, scope: Scope): Operand {
  const target = lowering.evaluate(node.expression, scope);
  const ended = endsChain(node, target);
  if (ended) return ended;
  const index = lowering.evaluate(node.argumentExpression, scope);
  if (target.kind === "value") {
    const { hint } = indexed(node, describe(target));
    return lowering.refuse(node, "index-of-tensor", subject(node.expression, target), { hint });
  }
  if (!isStatic(index))
    return lowering.refuse(node.argumentExpression, "run-time-index.indexed", { operand: describe(index) });
  const key = staticValue(index);
  const items = typeof key === "number" ? itemsOf(lowering, target) : undefined;
  if (items) return items[key as number] ?? fixed(undefined);
  if (target.kind === "static" && (target.value === undefined || target.value === null))
    return missingMember(lowering, node.argumentExpression, node.expression, target, String(key));
  return fieldOf(lowering, target, String(key), node);
}
