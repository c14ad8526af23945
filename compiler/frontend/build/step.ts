/** @file Lowers the step: streams and plan as its inputs, the loader's `prepare`, what the step logs, gradient and update. */
import { loggedRates, type Updates } from "../../build/parameter-groups.js";
import { loggedAs, loggedNumbers } from "../../build/plan-signature.js";
import { RANDOM_SEED, RANDOM_STEP } from "../../build/random-inputs.js";
import { report } from "../../diagnostics/catalogue.js";
import { type IrFunction, scalarType, type Value, walkOps } from "../../ir/module.js";
import { specOf } from "../../registry/index.js";
import { draws } from "../../registry/ops/random.js";
import { isLoop } from "../../registry/regions.js";
import type { FunctionSource } from "../lower/function-source.js";
import type { Lowerer } from "../lower/lowerer.js";
import type { RandomPoint } from "../lower/lowering.js";
import { describe } from "../lower/refusals/words.js";
import { dynamic, type Operand } from "../lower/values/operand.js";
import { type Compilation, lowererOf, stateOperand } from "./lowering.js";
import { returnedBy } from "./pointing.js";
import { planOperand, preparedBatch, streamInputs } from "./streams.js";
import { addUpdate, ownSpan, UpdateInputs } from "./update.js";

/** The step as a function of the program; undefined after something was reported. */
export function lowerStep(
  lowering: Compilation,
  updates: Updates,
  source: FunctionSource,
): IrFunction | undefined {
  const { built } = lowering;
  const { signature } = built;
  const lowerer = lowererOf(lowering, "step", { training: true });
  const { builder } = lowerer;
  const streams = streamInputs(lowering, lowerer);
  const lr = builder.input("lr", scalarType("f64"), { kind: "plan" });
  const inputs = new UpdateInputs(builder, updates, lr);
  const random = randomPoint(lowerer);
  const plan = planOperand(signature, (path, type) => dynamic(builder.input(path, type, { kind: "plan" })));

  const work = () => {
    const batch = preparedBatch(lowering, lowerer, streams);
    lowerer.batch = batch;
    const state = stateOperand(lowerer, built.state, source);
    const result = lowerer.inline(source, [state, batch, plan], undefined);
    const planned = new Set([...loggedNumbers(signature), ...loggedRates(updates)]);
    const metrics = metricsOf(lowerer, result, source, planned);
    if (!metrics.has("loss")) return undefined;
    addUpdate(lowerer, updates, metrics, inputs, source);
    inputs.withdrawUnused();
    for (const value of [random.seed, random.step]) builder.withdraw(value);
    refuseDrawsInLoops(lowerer);
    return builder.build(
      [...metrics].map(([name, value]) => ({ name, value })),
      lowerer.locate(source.node),
    );
  };
  return lowerer.inCall(source, () => lowerer.guarded(work, () => undefined));
}

/** The inputs that random numbers are a function of. */
function randomPoint(lowerer: Lowerer): RandomPoint {
  const input = (name: string) => lowerer.builder.input(name, scalarType("i64"), { kind: "plan" });
  lowerer.random = { seed: input(RANDOM_SEED), step: input(RANDOM_STEP), places: 0 };
  return lowerer.random;
}

/** What an op draws is a function of its place: every turn of a run-time loop would draw the same. */
function refuseDrawsInLoops(lowerer: Lowerer): void {
  for (const loop of walkOps({ args: [], ops: lowerer.builder.ops }))
    for (const region of isLoop(loop) ? loop.regions : [])
      for (const op of walkOps(region))
        if (draws(specOf(op))) lowerer.report(report("random.loop", ownSpan(op), { op: op.op }));
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
    if (operand.kind !== "poison" && !isFeatures(name, operand))
      metrics.set(name, metricOf(lowerer, name, operand, source, planned));
  return metrics;
}

/** The features of each stream, which a step may return for a method around its own. */
const isFeatures = (name: string, operand: Operand) => name === "features" && operand.kind === "record";

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
