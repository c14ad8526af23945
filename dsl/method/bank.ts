/**
 * @file A bank: what stands where the classifier over all identities stood. It gives a step its classes, from a parameter, from
 * features that it kept, or from those of the step.
 */
import type { Described } from "../core/description.js";
import type { Bound, ChildRecord } from "../core/module.js";
import type { Features } from "../core/tensor.js";
import type { Book } from "../plan/book.js";
import { type Bookkept, bookkept } from "./bookkept.js";
import type { Classes } from "./classes.js";
import type { Planned, PlanValue, StepPoint } from "./plan.js";

/** What a bank is built for. */
export interface BankSetting {
  readonly identities: number;
  /** The length of a feature. */
  readonly dim: number;
  /** Features a step. */
  readonly rows: number;
  readonly seed: number;
}

export type BankPlan = { readonly [name: string]: PlanValue };

/** What a bank does with its tensors `T` and its book `K`, by its plan of a step `P`. */
export interface BankParts<T extends ChildRecord, K extends Book, P extends BankPlan> {
  /** What the plan remembers from step to step. */
  open(): K;
  /** In Node, once a step: which class is where, for rows of these labels. */
  plan(book: K, labels: Int32Array, at: StepPoint): P;
  /**
   * Compiled. The classes of rows of those labels. `keys` are the features [N, D], of length 1 and without gradient, of which
   * centres may be made: those of the rows themselves, or a twin's of other images of the same identities.
   */
  classes(tensors: Bound<T>, keys: Features, plan: Planned<P>): Classes;
  /** Compiled. Keeps keys for the steps to come; after the loss. */
  absorb?(tensors: Bound<T>, keys: Features, plan: Planned<P>): void;
}

/** A bank, built. */
export interface Bank {
  readonly state: Bookkept;
  readonly parts: BankParts<ChildRecord, Book, BankPlan>;
}
export type BankBuilder = ((setting: BankSetting) => Bank) & Described;

/** Joins tensors and what is done with them into a bank. */
export const bank = <const T extends ChildRecord, K extends Book, P extends BankPlan>(
  tensors: T,
  parts: BankParts<T, K, P>,
): Bank => ({ state: bookkept(tensors, parts.open), parts: parts as never });

/** The book of a bank that remembers nothing. */
export const noBook = (): Book => ({ state: () => ({}), restore: () => {} });
