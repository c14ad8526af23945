/**
 * @file Gradients as values: the derivative of a loss by tensors that it was computed from.
 *
 *     TypeScript in                                IR out
 *     const loss = f(x)                            %t = tracked(%x)
 *     const g = gradientOf(loss, x)                %loss = … f(%t) …
 *                                                  %g = gradient_of(%loss, %t)
 *
 * That a derivative by `x` is wanted is known only after it was used: `tracked` is put behind the op that made `x`, and all that
 * was computed from `x` is computed from what it gives.
 */
import type { Value } from "../../../ir/module.js";
import { cuts } from "../../../registry/history.js";
import { controlOf, sourcesOf } from "../../../registry/regions.js";
import { isFloat } from "../../../registry/shapes.js";
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { describe, shortly } from "../refusals/words.js";
import { itemsOf } from "../values/collections.js";
import { dynamic, list, NOTHING, type Operand } from "../values/operand.js";

export function gradientOf(lowering: Lowering, node: ts.CallExpression, args: readonly Operand[]): Operand {
  const { builder } = lowering;
  const [given = NOTHING, by = NOTHING] = args;
  const at = (index: number) => node.arguments[index] ?? node;
  if (!lowering.batch) lowering.refuse(node.expression, "gradient-of.embed", {});
  if (builder.depth > 0) lowering.refuse(node.expression, "gradient-of.inside", {});
  const loss = realOf(given);
  if (loss?.type.kind !== "tensor" || loss.type.dims.length > 0)
    return lowering.refuse(at(0), "gradient-of.loss", { operand: describe(given) });
  const one = by.kind === "value";
  const items = one ? [by] : (itemsOf(lowering, by) ?? []);
  const values = items.map((item) => realOf(item) ?? refuseValue(lowering, at(1), item));
  if (values.length === 0) refuseValue(lowering, at(1), by);
  const place = lowering.locate(node);
  const tracked = values.map((value) => {
    const found = builder.behind(value, "tracked", place);
    return (
      found ?? lowering.refuse(at(1), "gradient-of.made-inside", { value: shortly(at(1), "this value") })
    );
  });
  for (const value of tracked) {
    const way = wayTo(lowering, loss, value);
    if (way !== "direct")
      lowering.refuse(at(1), way === "again" ? "gradient-of.again" : "gradient-of.unreached", {
        loss: shortly(at(0), "the loss"),
        value: shortly(at(1), "this value"),
      });
  }
  const found = lowering.emit(node, "gradient_of", [loss, ...tracked]);
  return one ? dynamic(found[0]!) : list(found.map(dynamic));
}

const realOf = (operand: Operand): Value | undefined =>
  operand.kind === "value" && operand.value.type.kind === "tensor" && isFloat(operand.value.type.dtype)
    ? operand.value
    : undefined;

const refuseValue = (lowering: Lowering, node: ts.Node, operand: Operand): never =>
  lowering.refuse(node, "gradient-of", { operand: describe(operand) });

/** Whether a loss is computed from a value, and whether a region is on the way that is computed again for the gradient. */
function wayTo({ builder }: Lowering, loss: Value, value: Value): "direct" | "again" | undefined {
  const seen = new Set<Value>();
  const open = [loss];
  let again = false;
  let found = false;
  for (let next = open.pop(); next; next = open.pop()) {
    found ||= next === value;
    const maker = builder.makerOf(next);
    if (seen.has(next) || !maker || next === value) continue;
    seen.add(next);
    if (cuts(maker)) continue;
    again ||= controlOf(maker)?.gradient === "again";
    const inside = maker.regions.length > 0 ? sourcesOf(maker, maker.results.indexOf(next)) : [];
    for (const operand of [...maker.operands, ...inside]) if (operand) open.push(operand);
  }
  return found ? (again ? "again" : "direct") : undefined;
}
