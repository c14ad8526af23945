/**
 * @file `classes.rows(index)`: some rows of a parameter, by which the gradient is taken in place of all of it. They are copied into scratch,
 * which the optimizer moves; the update writes them back. Where `index` names a row twice, both places read the first of them, so
 * that its gradient is the sum.
 *
 *     TypeScript in                     IR out
 *     classes.rows(plan.sampled)        index_copy_(%places, %sampled, 0 … S-1)
 *                                       %first = index_select(%places, %sampled)
 *                                       %rows = state(@scratch.rows.classes)
 *                                       copy_(%rows, index_select(%classes, %sampled))
 *                                       %y = index_select(%rows, %first)
 */
import { isTrained, type Value } from "../../../ir/module.js";
import { printType } from "../../../ir/print-type.js";
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { describe } from "../refusals/words.js";
import { dynamic, type Operand } from "../values/operand.js";

export function rowsOf(
  lowering: Lowering,
  node: ts.CallExpression,
  receiver: Value,
  [given, ...more]: readonly Operand[],
): Operand {
  const { builder, storages } = lowering;
  const maker = builder.makerOf(receiver);
  const name = maker?.op === "state" ? String(maker.attributes.name) : undefined;
  const parameter = name === undefined ? undefined : storages.named(name);
  const index = given?.kind === "value" ? given.value : undefined;
  const size = index?.type.kind === "tensor" ? index.type.dims[0] : undefined;
  const isIndex = index?.type.kind === "tensor" && index.type.dtype === "i64" && index.type.dims.length === 1;
  if (!index || !isIndex || typeof size !== "number" || more.length > 0)
    return lowering.refuse(node.arguments[0] ?? node, "wrong-argument.operand", {
      op: "rows",
      operand: "index",
      wanted: "one tensor i64 [S], of which S is known",
      given: given ? describe(given) : "nothing",
    });
  // Outside of training nothing has a gradient.
  if (builder.name !== "step")
    return dynamic(lowering.emit(node, "index_select", [receiver, index], { dim: 0 })[0]!);
  if (name === undefined || parameter?.role !== "parameter")
    return lowering.refuse(node, "rows-of.parameter", { what: printType(receiver.type) });
  if (parameter.byRows) return lowering.refuse(node, "rows-of.twice", { name });
  if (!isTrained(parameter) || parameter.type.dims.length === 0)
    return lowering.refuse(node, "rows-of.frozen", { name });
  if (builder.depth > 0) return lowering.refuse(node, "rows-of.region", { name });

  const scratch = storages.rowsOf(name, size);
  const at = lowering.locate(node);
  const state = (storage: string) => {
    const [value] = builder.emit("state", [], { name: storage }, at, [storages.typeOf(storage)]);
    builder.rename(value!, storage);
    return value!;
  };
  const emit = (...call: Parameters<typeof lowering.emit> extends [unknown, ...infer Rest] ? Rest : never) =>
    lowering.emit(node, ...call)[0]!;
  const places = state(scratch.places);
  emit("index_copy_", [places, index, emit("arange", [], { size })], { dim: 0 });
  const first = emit("index_select", [places, index], { dim: 0 });
  builder.rename(first, "first");
  const rows = state(scratch.rows);
  emit("copy_", [rows, emit("index_select", [receiver, index], { dim: 0 })]);
  lowering.rows.set(name, { scratch: scratch.rows, index, first });
  return dynamic(emit("index_select", [rows, first], { dim: 0 }));
}
