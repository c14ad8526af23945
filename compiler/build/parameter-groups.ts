/**
 * @file The optimizer with its parameters: which of them each group has and each part of the group's optimizer, and the numbers of the
 * plan that an update gets.
 */
import {
  type Experiment,
  GROUPS,
  type GradientChange,
  type NamedGroup,
  OPTIMIZER,
  type Optimizer,
  type OptimizerPart,
  type ParameterPredicate,
  type Policy,
  type Selection,
  type StepPoint,
  type TrainedParameter,
} from "../../dsl/index.js";
import { experimentError } from "../diagnostics/catalogue.js";

/** A part of a group's optimizer with its parameters, at least one. */
export interface UpdatePart extends Omit<OptimizerPart, "of"> {
  readonly label: string;
  readonly members: readonly string[];
}

export interface UpdateGroup {
  /** `undefined`: the optimizer stands alone. */
  readonly name: string | undefined;
  readonly members: readonly string[];
  readonly parts: readonly UpdatePart[];
  /** What is done to the group's gradients before its parts see them. */
  readonly gradients: GradientChange | undefined;
  /** The name of the number that its gradient is taken of. */
  readonly loss: string;
  /** A factor of the experiment's learning rate, or a policy. */
  readonly lr: number | Policy | undefined;
  readonly from: NamedGroup["from"];
}

/** The groups in their order, and what is done to the gradients of all of them before. */
export interface Updates {
  readonly groups: readonly UpdateGroup[];
  readonly gradients: GradientChange | undefined;
}

/**
 * Divides the trained parameters among the optimizer's groups, and each group's among its parts. Throws F2C2115 for a parameter that
 * no group takes, and for a group that takes none.
 */
export function updatesOf(optimizer: Experiment["optimizer"], trained: readonly TrainedParameter[]): Updates {
  if (OPTIMIZER in optimizer)
    return { groups: [groupOf({ by: optimizer, loss: "loss" }, trained)], gradients: undefined };
  const { groups, gradients } = optimizer[GROUPS];
  let left = trained;
  const divided = groups.map((group) => {
    const takes = predicateOf(group.of);
    const own = left.filter(takes);
    if (own.length === 0)
      throw experimentError("parameter-groups.empty", { group: group.name, names: someOf(left) });
    left = left.filter((parameter) => !own.includes(parameter));
    return groupOf(group, own);
  });
  if (left.length > 0) throw experimentError("parameter-groups.left", { names: someOf(left) });
  return { groups: divided, gradients };
}

function groupOf(
  { name, by, loss, lr, from }: Partial<NamedGroup> & { readonly by: Optimizer; readonly loss: string },
  trained: readonly TrainedParameter[],
): UpdateGroup {
  const { parts, gradients } = by[OPTIMIZER];
  let left = trained;
  const divided = parts.map(({ of, ...part }, i): UpdatePart => {
    const own = left.filter(of);
    left = left.filter((parameter) => !own.includes(parameter));
    const label = [...(name === undefined ? [] : [name]), ...(parts.length > 1 ? [i] : [])].join(".");
    return { ...part, label, members: own.map((parameter) => parameter.name) };
  });
  if (left.length > 0) throw experimentError("parameter-groups.left", { names: someOf(left) });
  return {
    name,
    members: trained.map((parameter) => parameter.name),
    parts: divided.filter(({ members }) => members.length > 0),
    gradients,
    loss,
    lr,
    from,
  };
}

/** `*` stands for any text. */
function predicateOf(of: Selection | undefined): ParameterPredicate {
  if (of === undefined) return () => true;
  if (typeof of === "function") return of;
  const patterns = [of].flat().map((name) => {
    const literal = name.split("*").map((text) => text.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${literal.join(".*")}$`);
  });
  return ({ name }) => patterns.some((pattern) => pattern.test(name));
}

const SHOWN = 4;

function someOf(parameters: readonly TrainedParameter[]): string {
  const names = parameters.slice(0, SHOWN).map(({ name }) => `\`${name}\``);
  const more = parameters.length - names.length;
  return [...names, ...(more > 0 ? [`${more} more`] : [])].join(", ") || "none";
}

/** The inputs of the step by which a group's update is told its learning rate, its number, and whether it happens. */
export const inputsOf = ({ name, lr }: UpdateGroup) => ({
  lr: name === undefined || lr === undefined ? "lr" : `lr_${name}`,
  step: name === undefined ? "optimizer.step" : `optimizer.${name}.step`,
  moves: name === undefined ? "optimizer.moves" : `optimizer.${name}.moves`,
});

/** All of these names that a plan may not give. */
export const updateInputs = ({ groups }: Updates): readonly string[] =>
  groups.flatMap((group) => Object.values(inputsOf(group)));

/** Those of them that are logged. */
export const loggedRates = ({ groups }: Updates): readonly string[] =>
  groups.map((group) => inputsOf(group).lr).filter((name) => name !== "lr");

/**
 * The numbers of the groups at a step of the plan, where `accumulate` steps make an update, the last of which makes it. `rate` asks a
 * policy, whose name it gets.
 */
export function updateNumbers(
  { groups }: Updates,
  at: StepPoint,
  lr: number,
  accumulate: number,
  rate: (policy: Policy, name: string) => number,
): Readonly<Record<string, number | boolean>> {
  const numbers = groups.flatMap((group) => {
    const names = inputsOf(group);
    const begins = firstStep(group, at);
    const missed = Math.floor(begins / accumulate);
    const count = Math.floor(at.step / accumulate) + 1 - missed;
    const own = typeof group.lr === "function" ? rate(group.lr, names.lr) : lr * (group.lr ?? 1);
    return [
      [names.lr, own],
      [names.step, Math.max(count, 1)],
      [names.moves, at.step >= begins],
    ] as const;
  });
  return Object.fromEntries(numbers);
}

/** The first step after which the group may move. */
const firstStep = ({ from }: UpdateGroup, { stepsPerEpoch }: StepPoint): number => {
  if (from === undefined) return 0;
  return "step" in from ? from.step : Math.ceil(from.epoch * stepsPerEpoch);
};
