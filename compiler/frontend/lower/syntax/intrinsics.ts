/**
 * @file Calls that only a compiled function has: of modules, and of `noGrad`, `remat`, `inF32`, `training`, `parametersOf` and the like.
 *
 *     TypeScript in              IR out
 *     net(x)                     the ops of its forward function, on the parameters of `net`
 *     noGrad(() => twin(x))      %y = no_grad { … yield %y }
 *     inF32(() => net(x))        %y = in_f32 { … yield %y }
 *     parametersOf(net)          %p = group {net.parameters}
 */
import { moduleParts, twinParts } from "../../../../dsl/index.js";
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { refuseStreamNotGiven } from "../refusals/streams.js";
import { describe } from "../refusals/words.js";
import { childrenOf, refuseStranger } from "../values/modules.js";
import { dynamic, fixed, type ModuleOperand, NOTHING, type Operand } from "../values/operand.js";
import { regionOf } from "../values/regions.js";
import { gradientOf } from "./gradient-of.js";
import { callOp } from "./op-calls.js";

export function callModule(
  lowering: Lowering,
  node: ts.CallExpression,
  operand: ModuleOperand,
  args: readonly Operand[],
): Operand {
  const parts = moduleParts(operand.module)!;
  if (operand.twin && !lowering.storages.renameFor(operand.twin)) refuseStranger(lowering, node);
  const source =
    lowering.texts.functionOf(parts.forward) ?? lowering.refuse(node, "function-not-loaded.forward", {});
  for (const [i, argument] of args.entries())
    refuseStreamNotGiven(lowering, argument, node.arguments[i] ?? node);
  const run = () =>
    lowering.inline(source, [childrenOf(lowering, parts.children, operand.rename, node), ...args], node);
  if (!operand.twin) return run();
  const training = lowering.training;
  lowering.training = training && twinParts(operand.twin)!.options.statistics === "batch";
  try {
    return regionOf(lowering, node, "no_grad", run);
  } finally {
    lowering.training = training;
  }
}

export function callIntrinsic(
  lowering: Lowering,
  node: ts.CallExpression,
  name: string,
  args: readonly Operand[],
): Operand {
  const body = () => lowering.call(node, args[0] ?? NOTHING, []);
  switch (name) {
    case "training()":
      return fixed(lowering.training);
    case "noGrad()":
      return regionOf(lowering, node, "no_grad", body);
    case "remat()":
      return regionOf(lowering, node, "remat", body);
    case "inF32()":
      return regionOf(lowering, node, "in_f32", body);
    case "gradientOf()":
      return gradientOf(lowering, node, args);
    case "evaluating()": {
      const training = lowering.training;
      lowering.training = false;
      try {
        return body();
      } finally {
        lowering.training = training;
      }
    }
    case "parametersOf()":
    case "buffersOf()": {
      const net = args[0];
      if (net?.kind !== "module")
        return lowering.refuse(node.arguments[0] ?? node, "not-a-net", {
          function: name.replace("()", ""),
          operand: net ? describe(net) : "nothing",
        });
      const what = name === "parametersOf()" ? "parameters" : "buffers";
      const stranger = net.twin && !lowering.storages.renameFor(net.twin);
      const group =
        (stranger ? undefined : lowering.storages.group(net.module, net.rename, what)) ??
        refuseStranger(lowering, node.arguments[0] ?? node);
      return dynamic(
        lowering.builder.emit("group", [], { name: group.name }, lowering.locate(node), [
          { kind: "group", group: group.layout },
        ])[0]!,
      );
    }
    default:
      return callOp(lowering, node, name, args);
  }
}
