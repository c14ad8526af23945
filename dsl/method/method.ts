/**
 * @file A method: its state, a plan that runs in Node, and a step that is compiled.
 *
 * `plan` is ordinary TypeScript, called once a step ahead of time; it may keep books (`Book`) and produces small integer
 * arrays and scalars. `step` is a tensor program over (state, images, plan); the compiler reads it, Node never runs it.
 */
import type { AnyModule, Bound, ChildRecord, Stored } from "../core/module.js";
import type { FloatDType, ShapeError } from "../core/shape.js";
import type { Features, Images, ShowTensor, Tensor } from "../core/tensor.js";
import type { Book } from "../plan/book.js";
import type { Bookkept } from "./bookkept.js";
import type { PlanCheck, PlanErrors, Planned, PlannedImages, PlanValue, Policy, StepPoint } from "./plan.js";

export type MethodItem = AnyModule | Stored | Bookkept;
export interface MethodState {
  readonly [name: string]: MethodItem;
}

/** What the step sees of the state. */
export type StepState<S> = [MethodState] extends [S]
  ? // biome-ignore lint/suspicious/noExplicitAny: the state is wrong, and that is the error to show
    any
  : { readonly [K in keyof S]: S[K] extends Bookkept<infer C, Book> ? Bound<C> : Bound<S[K]> };

/** What the plan sees of the state: the books. */
export type Books<S> = {
  readonly [K in keyof S as S[K] extends Bookkept ? K : never]: S[K] extends Bookkept<ChildRecord, infer B>
    ? B
    : never;
};

/** What the trained net made of the images of a step, by stream; not normalised. */
export type StepFeatures = Readonly<Record<string, Features>>;

/** A step's result: the loss, and any more numbers to log; `features` for a method around this one. */
export type StepResult =
  | Tensor<readonly [], FloatDType>
  | {
      readonly loss: Tensor<readonly [], FloatDType>;
      readonly [metric: string]: Tensor<readonly []> | StepFeatures;
    };

type Metric<Name extends string, T> =
  T extends Tensor<readonly [], FloatDType>
    ? never
    : T extends Tensor<readonly []>
      ? Name extends "loss"
        ? "the loss must be floating point"
        : never
      : `the step's \`${Name}\` must be one number, a tensor of shape [], got ${ShowTensor<T>}`;
type FeaturesOf<Name extends string> = Name extends "features" ? StepFeatures : never;
type StepErrors<R> = R extends Tensor
  ? Metric<"loss", R>
  : "loss" extends keyof R
    ? { readonly [K in keyof R & string]: R[K] extends FeaturesOf<K> ? never : Metric<K, R[K]> }[keyof R &
        string]
    : "the step returns no `loss`; return the loss, or { loss, …more numbers to log }";
/** A wrong plan gives one error: TypeScript does not check the step until the plan's type is known. */
type StepCheck<R, P> = [PlanErrors<P>] extends [never]
  ? [StepErrors<R>] extends [never]
    ? unknown
    : ShapeError<StepErrors<R>>
  : unknown;

export interface MethodParts<S extends MethodState, B extends string, P, R = StepResult> {
  /** Runs in Node, once a step, in order. Deterministic in the step and the books. */
  plan(books: Books<S>, batch: Readonly<Record<B, PlannedImages>>, at: StepPoint): P & PlanCheck<P>;
  /**
   * Compiled. The gradient is taken at the line that completes the loss; writes to the state come before or after it as they
   * are written. One that stands before it and overwrites what it needs waits for it, where nothing in between sees the difference.
   */
  step(state: StepState<S>, batch: Readonly<Record<B, Images>>, plan: Planned<P>): R & StepCheck<R, P>;
  /** Compiled. Images to embeddings, for evaluation and export. */
  embed(state: StepState<S>, images: Images): Features;
  /**
   * The policies that `plan` calls, by the names of their options, so that `check` can warn about them as about the learning
   * rate's.
   */
  policies?: Readonly<Record<string, Policy>>;
  /** The name in the state of the net that is trained, for a method around this one. */
  net?: keyof S & string;
}

export const METHOD = Symbol.for("f2c-dsl.method");
/** A training method with its state. */
export interface Method {
  readonly [METHOD]: {
    readonly state: MethodState;
    readonly parts: MethodParts<MethodState, string, PlanValue>;
  };
}

/** What a method is built from: the sizes of the data and of the loader's batches. */
export interface Setting {
  readonly identities: number;
  readonly images: number;
  /** Image shape: channels, height, width. */
  readonly shape: readonly [channels: number, height: number, width: number];
  /** Images a step, by stream. */
  readonly streams: Readonly<Record<string, number>>;
  readonly seed: number;
}

/** A method that depends on the setting: a pool of a tenth of the identities, a net for this image size. */
export type MethodBuilder = (setting: Setting) => Method;

/** Joins state, plan and step into a method. */
export const method = <const S extends MethodState, const P, R, B extends string = "x" | "y">(
  state: S,
  parts: MethodParts<S, B, P, R>,
): Method => ({ [METHOD]: { state, parts: parts as never } });

export const methodParts = (value: unknown) =>
  typeof value === "object" && value !== null ? (value as Partial<Method>)[METHOD] : undefined;
