/**
 * @file An optimizer, written in the DSL: lists of tensors, updated in place after the gradient. It consists of parts, which divide the
 * parameters among them: one part is the usual case, two are weights with decay and biases without.
 */
import type { Described } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import type { Tensor, Tensors } from "../core/tensor.js";

/** A trained parameter, as what is chosen by. `name` begins with its key in the method's state: `net.stem.conv.weight`. */
export interface TrainedParameter {
  readonly name: string;
  readonly shape: readonly number[];
}

export type ParameterPredicate = (parameter: TrainedParameter) => boolean;

/** What an update is given beside tensors. */
export interface Hyper {
  /** The learning rate of the parameters' group. */
  readonly lr: number;
  /** The number of this update, from 1: of those that the group has had, of which several steps may make one. */
  readonly step: number;
}

/** What an optimizer's update sees. `slots` are groups of the parameters' shapes, zero at first, kept in checkpoints. */
export type OptimizerUpdate<Slot extends string> = (
  groups: { readonly parameters: Tensors; readonly gradients: Tensors } & Readonly<Record<Slot, Tensors>>,
  hyper: Hyper,
) => void;

/** The same of rows of one parameter (`classes.rows(index)`), where the number of an update is each row's own. */
export type RowsUpdate<Slot extends string> = (
  groups: Parameters<OptimizerUpdate<Slot>>[0],
  hyper: Hyper & {
    /** Of each row the number of its updates, from 1: [rows]. */
    readonly steps: Tensor<readonly [number], "f32">;
  },
) => void;

/** What becomes of gradients before the updates, all parts' together: the same list, changed. Compiled. */
export type GradientChange = (gradients: Tensors) => Tensors;

/** A rule for some of an optimizer's parameters. */
export interface OptimizerPart {
  readonly of: ParameterPredicate;
  readonly slots: readonly string[];
  readonly update: OptimizerUpdate<string>;
  /** For rows of a parameter; without it they are updated like whole ones. */
  readonly rows?: RowsUpdate<string> | undefined;
}

export const OPTIMIZER = Symbol.for("f2c-dsl.optimizer");
export interface Optimizer extends Described {
  readonly [OPTIMIZER]: {
    /** A parameter belongs to the first part that takes it. */
    readonly parts: readonly OptimizerPart[];
    readonly gradients?: GradientChange | undefined;
  };
}

/**
 * A part of an optimizer: the names of its slots, its update, and which parameters it takes: without `of`, all. `rows`: its update of
 * rows of a parameter, where it asks for the number of an update.
 */
export function part<const Slot extends string>(
  slots: readonly Slot[],
  update: OptimizerUpdate<Slot>,
  { of = () => true, rows }: { readonly of?: ParameterPredicate; readonly rows?: RowsUpdate<Slot> } = {},
): OptimizerPart {
  const taken = slots.find(
    (slot, i) => ["parameters", "gradients"].includes(slot) || slots.indexOf(slot) !== i,
  );
  if (taken !== undefined) throw experimentError("slot-name-taken", { slot: taken });
  return { of, slots, update: update as OptimizerUpdate<string>, rows: rows as RowsUpdate<string> };
}

/** An optimizer of several parts. `gradients` sees the gradients of all of them before. */
export const optimizerOf = (parts: readonly OptimizerPart[], gradients?: GradientChange): Optimizer => ({
  [OPTIMIZER]: { parts, gradients },
});

/** An optimizer: the names of its slots, and its update, which is compiled into the step after the gradient. */
export const optimizer = <const Slot extends string>(
  slots: readonly Slot[],
  update: OptimizerUpdate<Slot>,
): Optimizer => optimizerOf([part(slots, update)]);
