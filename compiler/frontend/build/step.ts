/** @file Lowers the step: streams and plan as its inputs, the loader's `prepare`, what the step logs, gradient and update. */
import { loggedAs, loggedNumbers, type PlanSignature } from "../../build/plan-signature.js";
import { type IrFunction, scalarType, type Type, tensorType, type Value } from "../../ir/module.js";
import type { FunctionSource } from "../lower/function-source.js";
import type { Lowerer } from "../lower/lowerer.js";
import { dynamic, type Operand, record } from "../lower/operand.js";
import { describe } from "../lower/words.js";
import { type Lowering, lowererOf, stateOperand } from "./lowering.js";
import { returnedBy } from "./pointing.js";
import { addUpdate } from "./update.js";

/** The step as a function of the program; undefined after something was reported. */
export function lowerStep(lowering: Lowering, source: FunctionSource): IrFunction | undefined {
  const { built, texts } = lowering;
  const { setting, signature, experiment } = built;
  const prepare = texts.functionOf(experiment.loader.prepare);
  if (!prepare) throw new Error("internal: the loader's prepare function is not tagged");

  const lowerer = lowererOf(lowering, "step", { training: true });
  const { builder } = lowerer;
  const planInput = (path: string, type: Type) => dynamic(builder.input(path, type, { kind: "plan" }));
  const streams = Object.entries(setting.streams).map(([stream, count]) => {
    const pixels = tensorType([count, ...setting.shape], "u8");
    return {
      stream,
      pixels: dynamic(builder.input(`${stream}.images`, pixels, { kind: "images", stream })),
      changes: planOperand(built.changes[stream]!, planInput, stream),
    };
  });
  const lr = builder.input("lr", scalarType("f64"), { kind: "plan" });
  const plan = planOperand(signature, planInput);

  const work = () => {
    const batch = record(
      streams.map(
        ({ stream, pixels, changes }) =>
          [stream, lowerer.inline(prepare, [pixels, changes], undefined)] as const,
      ),
    );
    lowerer.batch = batch;
    const state = stateOperand(lowerer, built.state, source);
    const result = lowerer.inline(source, [state, batch, plan], undefined);
    const metrics = metricsOf(lowerer, result, source, new Set(loggedNumbers(signature)));
    const loss = metrics.get("loss");
    if (!loss) return undefined;
    addUpdate(lowerer, loss, lr, experiment.optimizer, source);
    return builder.build(
      [...metrics].map(([name, value]) => ({ name, value })),
      lowerer.locate(source.node),
    );
  };
  return lowerer.within(source, () => lowerer.guarded(work, () => undefined));
}

/** A value of the plan as a function sees it: an input for each of its parts. */
function planOperand(
  signature: PlanSignature,
  input: (path: string, type: Type) => Operand,
  path = "",
): Operand {
  if (signature.kind === "record") {
    return record(
      Object.entries(signature.fields).map(
        ([name, field]) => [name, planOperand(field, input, path ? `${path}.${name}` : name)] as const,
      ),
    );
  }
  return input(path === "" ? "plan" : path, signature.type);
}

/** The numbers that the step returns, by the names under which they are logged; those that were refused already are left out. */
function metricsOf(
  lowerer: Lowerer,
  result: Operand,
  source: FunctionSource,
  planned: ReadonlySet<string>,
): ReadonlyMap<string, Value> {
  const metrics = new Map<string, Value>();
  if (result.kind === "poison") return metrics;
  const nothing = result.kind === "static" && result.value === undefined;
  const fields =
    result.kind === "record" ? result.fields : new Map(nothing ? [] : [["loss", result] as const]);
  if (!fields.has("loss")) lowerer.refuse(returnedBy(source), "no-loss", { what: describe(result) });
  for (const [name, operand] of fields)
    if (operand.kind !== "poison") metrics.set(name, metricOf(lowerer, name, operand, source, planned));
  return metrics;
}

function metricOf(
  lowerer: Lowerer,
  name: string,
  operand: Operand,
  source: FunctionSource,
  planned: ReadonlySet<string>,
): Value {
  const value = operand.kind === "value" ? operand.value : undefined;
  if (value?.type.kind !== "tensor" || value.type.dims.length > 0)
    return lowerer.refuse(returnedBy(source, name), "metric-not-a-number", {
      name,
      operand: describe(operand),
    });
  const number = name === "lr" ? "the learning rate" : planned.has(name) ? "a number of the plan" : undefined;
  const taken = loggedAs(name) ?? number;
  if (taken === undefined) return value;
  return lowerer.refuse(returnedBy(source, name), "log-name-taken", { value: name, name, what: taken });
}
