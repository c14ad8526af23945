/**
 * @file Margins of the softmax family: what a row's cosine to its own class becomes before the cross-entropy, and what becomes
 * of negatives that are hard. A margin looks at one number a row, never at the matrix of all cosines.
 */
import { type Described, described, descriptionOf } from "../core/description.js";
import { type Bound, type ChildRecord, type Module, module } from "../core/module.js";
import { ABOVE_ZERO, inRange } from "../core/range.js";
import type { Column, HardNegatives, Margined, OwnClass } from "../method/classes.js";
import type { Policy, StepPoint } from "../method/plan.js";

/** A number of a margin: fixed, or a policy of the step. */
export type MarginNumber = number | Policy;
type Numbers<N> = { readonly [K in keyof N]: number };

/** What a margin is made of. All functions are compiled. */
export interface MarginParts<N extends Readonly<Record<string, MarginNumber>>, S extends ChildRecord> {
  /** `scale`, by which cosines are multiplied, and whatever else the margin has; each may be a policy. */
  readonly numbers: N & { readonly scale: MarginNumber };
  /** What it keeps from step to step. */
  readonly state?: S;
  /** Moves the state, once a step, before it is used. */
  observe?(own: OwnClass, numbers: Numbers<N>, state: Bound<S>): void;
  /** What stands in for the cosine to the own class. */
  apply(own: OwnClass, numbers: Numbers<N>, state: Bound<S>): Column;
  /** Which negatives are hard, and what their cosines become. */
  hard?(own: OwnClass, numbers: Numbers<N>, state: Bound<S>): HardNegatives;
  /** A loss beside the classification's, one number a row. */
  loss?(own: OwnClass, numbers: Numbers<N>, state: Bound<S>): Column;
}

/** A margin. Write your own with `margin({ numbers: { scale: 64, m: 0.2 }, apply: ({ cosine }, { m }) => cosine.sub(m) })`. */
export interface Margin extends Described {
  readonly parts: MarginParts<Readonly<Record<string, MarginNumber>>, ChildRecord>;
  /** Those of its numbers that the plan must give. */
  readonly policies: Readonly<Record<string, Policy>>;
  /** Belongs in the method's state. Called in the step with the planned numbers, and whether its own state moves now. */
  readonly module: Module<
    [own: OwnClass, planned: Readonly<Record<string, number>>, moves: boolean],
    Margined
  >;
}

const isPolicy = (number: MarginNumber): number is Policy => typeof number === "function";

/** A margin of these parts. `options` are what else it was made from, for comparing runs. */
export const margin = <
  const N extends Readonly<Record<string, MarginNumber>>,
  const S extends ChildRecord = Record<never, never>,
>(
  parts: MarginParts<N, S>,
  { kind = "a margin of one's own", ...options }: Readonly<Record<string, unknown>> & { kind?: string } = {},
): Margin => {
  const numbers: Readonly<Record<string, MarginNumber>> = parts.numbers;
  if (!isPolicy(parts.numbers.scale)) inRange("margin", "scale", parts.numbers.scale, ABOVE_ZERO);
  const all = Object.entries(numbers);
  const fixed = Object.fromEntries(all.filter(([, n]) => !isPolicy(n))) as Record<string, number>;
  const { observe, apply, hard, loss } = parts;
  const made = module(
    parts.state ?? ({} as S),
    (state: Bound<S>, own: OwnClass, planned: Readonly<Record<string, number>>, moves: boolean): Margined => {
      const given = { ...fixed, ...planned } as Numbers<N> & { readonly scale: number };
      if (moves && observe !== undefined) observe(own, given, state);
      return {
        scale: given.scale,
        own: apply(own, given, state),
        hard: hard === undefined ? undefined : hard(own, given, state),
        loss: loss === undefined ? undefined : loss(own, given, state),
      };
    },
  );
  const shown = all.map(([name, n]) => [name, isPolicy(n) ? (descriptionOf(n) ?? n) : n]);
  return described(
    {
      parts: parts as never,
      policies: Object.fromEntries(all.filter(([, n]) => isPolicy(n))) as Record<string, Policy>,
      module: made as Margin["module"],
    },
    { kind, ...Object.fromEntries(shown), ...options },
  );
};

/** The numbers of a margin that change from step to step, for the plan. */
export const marginNumbers = ({ policies }: Margin, at: StepPoint): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(policies).map(([name, policy]) => [name, policy(at)]));

/** Refuses a fixed number outside of its range; a policy's are looked at as they come. */
export function numberInRange(
  what: string,
  option: string,
  value: MarginNumber,
  range: Parameters<typeof inRange>[3],
): void {
  if (!isPolicy(value)) inRange(what, option, value, range);
}
