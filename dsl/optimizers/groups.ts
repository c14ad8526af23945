/**
 * @file Groups of parameters, each with an optimizer, a learning rate and a loss of its own:
 *
 *     groups([
 *       { of: "classes", by: sgd(), lr: 10 },
 *       { of: "net.*", by: adamw(), from: { epoch: 2 } },
 *     ])
 */
import { type Described, described, descriptionOf } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import type { Policy } from "../method/plan.js";
import { clipping } from "./clip.js";
import { type GradientChange, OPTIMIZER, type Optimizer, type ParameterPredicate } from "./optimizer.js";

/** Which parameters: those of a name, in which `*` stands for any text (`head.*`), of one of several names, or that a predicate takes. */
export type Selection = string | readonly string[] | ParameterPredicate;

/** When a group begins to move. */
export type Beginning = { readonly epoch: number } | { readonly step: number };

export interface ParameterGroup {
  /** Which parameters are in the group. Without it: those that no group before it takes. */
  readonly of?: Selection;
  readonly by: Optimizer;
  /** A factor of the experiment's learning rate, or a learning rate of its own. */
  readonly lr?: number | Policy;
  /** Until then the group stands still: parameters, slots and the number of its updates. */
  readonly from?: Beginning;
  /** The number that the step returns under this name is what the group's gradient is taken of. */
  readonly loss?: string;
  /** In the log, as in `lr_head`; otherwise what `of` spells without its `*`, or the group's number. */
  readonly name?: string;
}

/** A group with its name, and its defaults filled in. */
export type NamedGroup = ParameterGroup & Required<Pick<ParameterGroup, "name" | "loss">>;

export const GROUPS = Symbol.for("f2c-dsl.parameter-groups");
export interface ParameterGroups extends Described {
  readonly [GROUPS]: {
    readonly groups: readonly NamedGroup[];
    readonly gradients?: GradientChange | undefined;
  };
}

/**
 * Several optimizers: a parameter is in the first group that takes it, and every parameter must be in one. `clip` is a length of all
 * gradients together, those of groups that still stand among them; that of a member optimizer is of its group's.
 */
export function groups(
  list: readonly ParameterGroup[],
  { clip }: { readonly clip?: number } = {},
): ParameterGroups {
  if (list.length === 0) throw experimentError("bad-groups", {});
  const named = list.map(
    (group, i): NamedGroup => ({ ...group, name: nameOf(group, i), loss: group.loss ?? "loss" }),
  );
  for (const [i, { name, by, lr, from }] of named.entries()) {
    if (!/^\w+$/.test(name)) throw experimentError("bad-groups.name", { name });
    if (named.findIndex((other) => other.name === name) !== i)
      throw experimentError("bad-groups.twice", { name });
    if (by?.[OPTIMIZER] === undefined) throw experimentError("bad-groups.by", { name });
    if (typeof lr === "number" && !(Number.isFinite(lr) && lr >= 0))
      throw experimentError("bad-groups.lr", { name, lr });
    if (from !== undefined && !isBeginning(from)) throw experimentError("bad-groups.from", { name });
  }
  const by = <T>(what: (group: NamedGroup) => T) =>
    Object.fromEntries(named.map((group) => [group.name, what(group)] as const));
  return described(
    { [GROUPS]: { groups: named, gradients: clipping("groups", clip) } },
    {
      kind: "groups",
      clip,
      groups: by(({ of, by, loss }) => ({ of, by: descriptionOf(by), loss })),
      // Beside the groups, since they may change while a run goes on.
      lr: by(({ lr }) => lr),
      from: by(({ from }) => from),
    },
  );
}

/** `net.head.*` names the group `net_head`. */
const nameOf = ({ name, of }: ParameterGroup, i: number): string =>
  name ?? ((typeof of === "string" && of.replaceAll(/\W+/g, "_").replaceAll(/^_|_$/g, "")) || String(i));

const isBeginning = (from: Beginning): boolean =>
  "step" in from
    ? !("epoch" in from) && Number.isInteger(from.step) && from.step >= 0
    : Number.isFinite(from.epoch) && from.epoch >= 0;
