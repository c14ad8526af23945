/**
 * @file Gradient and optimizer in the step. They come right after the op that completes the loss, so that what the step does
 * later (a pool's write, a logged number) comes later:
 *
 *     %loss = mean(%losses)                %loss = mean(%losses)
 *     write(%pool.gallery, …)              %parameters = group {parameters}
 *                                          %gradients = gradients(%loss, %parameters)
 *                                          …the optimizer's update…
 *                                          write(%pool.gallery, …)
 *
 * What the loss depends on must come to a parameter and must not be overwritten before; what breaks that is refused.
 */
import { OPTIMIZER, type Optimizer } from "../../../dsl/index.js";
import { report } from "../../diagnostics/catalogue.js";
import type { Span } from "../../diagnostics/diagnostic.js";
import type { Op, Value } from "../../ir/module.js";
import { membersOf } from "../../registry/storages.js";
import { inUserCode } from "../lower/forms/places.js";
import type { FunctionSource } from "../lower/function-source.js";
import type { Lowerer } from "../lower/lowerer.js";
import { dynamic, type Operand, record } from "../lower/values/operand.js";
import { earlyWrites } from "./early-writes.js";
import { GradientFlow } from "./gradient-flow.js";
import { returnedBy, stateNode } from "./pointing.js";

/** Puts gradient and update behind the op that completes `loss`. */
export function addUpdate(
  lowerer: Lowerer,
  loss: Value,
  lr: Value,
  optimizer: Optimizer,
  source: FunctionSource,
): void {
  const { builder, storages } = lowerer;
  const complete = builder.ops.findIndex((op) => op.results.includes(loss)) + 1;
  if (storages.trained().members.length === 0)
    lowerer.refuse(stateNode(source) ?? source.node, "nothing-to-train", {});
  const before = builder.ops.slice(0, complete);
  refuseEarlyWrites(lowerer, before, loss);
  refuseLostGradients(lowerer, before, loss, source);
  const from = builder.ops.length;
  const { slots, update } = optimizer[OPTIMIZER];
  const updateSource =
    lowerer.texts.functionOf(update) ?? lowerer.refuse(source.node, "function-not-loaded.update", {});
  const trained = storages.trained();
  lowerer.inCall(updateSource, () => {
    const at = lowerer.locate(updateSource.node);
    const group = (name: string, label: string) => {
      const [value] = builder.emit("group", [], { name }, at, [{ kind: "group", group: "parameters" }]);
      builder.rename(value!, label);
      return value!;
    };
    const parameters = group(trained.name, "parameters");
    const [gradients] = builder.emit("gradients", [loss, parameters], {}, at);
    builder.rename(gradients!, "gradients");
    const groups: [string, Operand][] = [
      ["parameters", dynamic(parameters)],
      ["gradients", dynamic(gradients!)],
    ];
    for (const slot of slots) groups.push([slot, dynamic(group(storages.slot(slot).name, slot))]);
    lowerer.inline(updateSource, [record(groups), record([["lr", dynamic(lr)]])], undefined);
  });
  builder.moveTail(from, complete);
}

/** Where an op is written, or where the user's own code calls the library that it is written in. */
function ownSpan(op: Op): Span {
  const { path, start, end } = inUserCode(op.location);
  return { path, start, end };
}

/** A storage that the gradient still needs may not be overwritten before the loss is complete. */
function refuseEarlyWrites(lowerer: Lowerer, ops: readonly Op[], loss: Value): void {
  for (const { storage, write, read } of earlyWrites(ops, loss, membersOf(lowerer.storages.groups)))
    lowerer.report(
      report(
        "write-before-gradient",
        ownSpan(write),
        { storage },
        { related: [{ message: "and the loss depends on it here", span: ownSpan(read) }] },
      ),
    );
}

/** The gradient must reach a parameter, and may not be cut where the step writes a value and reads it again. */
function refuseLostGradients(
  lowerer: Lowerer,
  ops: readonly Op[],
  loss: Value,
  source: FunctionSource,
): void {
  const { storages } = lowerer;
  const trained = new Set(storages.trained().members);
  const twins = new Set(storages.all.filter((s) => s.twinOf !== undefined).map((s) => s.name));
  const flow = new GradientFlow(ops, membersOf(storages.groups), trained, twins);
  const lost = flow.lost(loss);
  for (const { storage, write, read } of lost)
    lowerer.report(
      report(
        "gradient-lost-in-storage",
        ownSpan(read),
        { storage },
        { related: [{ message: "written here", span: ownSpan(write) }] },
      ),
    );
  if (lost.length > 0 || flow.reaches([loss])) return;
  const cuts = flow.cuts([loss]).slice(0, 3);
  const related = cuts.map((op) => ({ message: "the gradient ends here", span: ownSpan(op) }));
  lowerer.refuse(returnedBy(source, "loss"), "loss-without-parameters", {}, { related });
}
