/**
 * @file Regions of the program: a choice between two arms, a part without gradient, a part that is computed twice.
 *
 *     TypeScript in                   IR out
 *     if (plan.warm) y = f(y)         %y' = if %plan.warm { … yield %fy } else { yield %y }
 *     noGrad(() => f(y))              %z = no_grad { … yield %fy }
 */
import type { OpenRegion } from "../../../build/function-builder.js";
import { type Value, walkOps } from "../../../ir/module.js";
import { specOf } from "../../../registry/index.js";
import { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { fill, type Join, joinOperands } from "./joining.js";
import type { Binding, Operand } from "./operand.js";
import { partsOf } from "./structure.js";

interface Arm {
  readonly region: OpenRegion;
  readonly result: Operand;
  readonly assigned: Map<Binding, Operand>;
}

const arm = (lowering: Lowering, body: () => Operand): Arm => {
  const { region, result } = lowering.builder.region([], () => lowering.branch(body));
  return { region, result: result.result, assigned: result.assigned };
};

/** Lowers a run-time choice. Returns what the chosen arm evaluates to; variables that the arms assign are joined. */
export function lowerIf(
  lowering: Lowering,
  node: ts.Node,
  test: Value,
  then: () => Operand,
  otherwise: () => Operand,
): Operand {
  const [a, b] = [arm(lowering, then), arm(lowering, otherwise)];
  const bindings = [...new Set([...a.assigned.keys(), ...b.assigned.keys()])];
  const pairs: [string, Operand, Operand][] = [
    ["the result", a.result, b.result],
    ...bindings.map((v): [string, Operand, Operand] => [
      `\`${v.name}\``,
      a.assigned.get(v) ?? v.current,
      b.assigned.get(v) ?? v.current,
    ]),
  ];
  const yields: { a: Value; b: Value; name: string }[] = [];
  const joined = pairs.map(([what, x, y]) =>
    joinOperands(lowering, node, what, x, y, a.region, b.region, yields),
  );
  const at = lowering.locate(node);
  const regions = [
    lowering.builder.finish(
      a.region,
      yields.map((y) => y.a),
      at,
    ),
    lowering.builder.finish(
      b.region,
      yields.map((y) => y.b),
      at,
    ),
  ];
  const results = lowering.builder.structured(
    "if",
    [test],
    regions,
    yields.map((y) => y.a.type),
    at,
  );
  const filled = joined.map((join) => fill(join, results));
  bindings.forEach((binding, i) => {
    nameValue(lowering, filled[i + 1]!, binding.name);
    lowering.assign(binding, filled[i + 1]!);
  });
  return filled[0]!;
}

export const nameValue = (lowering: Lowering, operand: Operand, as: string) => {
  if (operand.kind === "value") lowering.builder.rename(operand.value, as);
};

/** Lowers `body` into a region of its own: one that records no gradient, is computed again for it, or keeps its types. */
export function regionOf(
  lowering: Lowering,
  node: ts.Node,
  op: "no_grad" | "remat" | "in_f32",
  body: () => Operand,
): Operand {
  const { region, result, assigned } = arm(lowering, body);
  const at = lowering.locate(node);
  const yields: Value[] = [];
  const hoist = (operand: Operand): Join => ({
    shape: operand,
    parts: partsOf(operand).map((part) => (part.kind === "value" ? yields.push(part.value) - 1 : part)),
  });
  const joins = [hoist(result), ...[...assigned.values()].map(hoist)];
  if (op === "remat") refuseComputedTwice(lowering, node, region);
  const finished = lowering.builder.finish(region, yields, at);
  const results = lowering.builder.structured(
    op,
    [],
    [finished],
    yields.map((v) => v.type),
    at,
  );
  const [value, ...rest] = joins.map((join) => fill(join, results));
  for (const [i, binding] of [...assigned.keys()].entries()) lowering.assign(binding, rest[i]!);
  return value!;
}

/** What may be computed once only has no place in a region that is computed twice. */
function refuseComputedTwice(lowering: Lowering, node: ts.Node, region: OpenRegion): void {
  for (const op of walkOps(region)) {
    if (specOf(op).effect !== "write") continue;
    const { path, start, end } = op.location;
    lowering.refuse(
      ts.isCallExpression(node) ? node.expression : node,
      "remat-once",
      { op: op.op },
      { related: [{ message: `${op.op} is here`, span: { path, start, end } }] },
    );
  }
}
