/** @file An optimizer, written in the DSL: groups of tensors, updated in place after the gradient. */
import type { Described } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import type { Tensors } from "../core/tensor.js";

/** What an optimizer's update sees. `slots` are groups of the parameters' shapes, zero at first, kept in checkpoints. */
export type OptimizerUpdate<Slot extends string> = (
  groups: { readonly parameters: Tensors; readonly gradients: Tensors } & Readonly<Record<Slot, Tensors>>,
  hyper: { readonly lr: number },
) => void;

export const OPTIMIZER = Symbol.for("f2c-dsl.optimizer");
export interface Optimizer extends Described {
  readonly [OPTIMIZER]: { readonly slots: readonly string[]; readonly update: OptimizerUpdate<string> };
}

/** An optimizer: the names of its slots, and its update, which is compiled into the step after the gradient. */
export const optimizer = <const Slot extends string>(
  slots: readonly Slot[],
  update: OptimizerUpdate<Slot>,
): Optimizer => {
  const taken = slots.find(
    (slot, i) => ["parameters", "gradients"].includes(slot) || slots.indexOf(slot) !== i,
  );
  if (taken !== undefined) throw experimentError("slot-name-taken", { slot: taken });
  return { [OPTIMIZER]: { slots, update: update as OptimizerUpdate<string> } };
};
