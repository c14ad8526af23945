/**
 * @file A method: its state, a plan that runs in Node, and a step that is compiled.
 *
 * `plan` is ordinary TypeScript, called once a step ahead of time; it may keep books (`Book`) and produces small integer
 * arrays and scalars. `step` is a tensor program over (state, images, plan); the compiler reads it, Node never runs it.
 */
import type { AnyModule, Bound, ChildRecord, Module, Stored } from "./module.js";
import { MODULE, moduleParts, standIn } from "./module.js";
import type { FloatDType, ShapeError } from "./shape.js";
import type { Features, Images, ShowTensor, Tensor } from "./tensor.js";

/** The numbers that a plan or a policy may depend on. */
export interface StepPoint {
  /** Counts from 0. */
  readonly step: number;
  /** Whole passes over the images done before this step. */
  readonly epoch: number;
  readonly stepsPerEpoch: number;
  /** The length that the experiment asks for. `--steps`, which ends a run early, does not change it. */
  readonly steps: number;
}

/** A hyper-parameter as a TypeScript function, called in Node at every step. */
export type Policy = (at: StepPoint) => number;

/** What a checkpoint keeps of a planner. */
export type BookState = Readonly<
  Record<string, Int32Array | Uint32Array | Uint8Array | Float64Array | number>
>;

/** Bookkeeping that lives in Node from step to step and is saved in checkpoints. */
export interface Book {
  state(): BookState;
  restore(state: BookState): void;
}

export const BOOKKEPT = Symbol.for("f2c-dsl.bookkept");
export const TWIN = Symbol.for("f2c-dsl.twin");

/** A piece of state with two halves: tensors, which the step sees, and a book, which the plan sees. */
export interface Bookkept<C extends ChildRecord = ChildRecord, B extends Book = Book> {
  readonly [BOOKKEPT]: { readonly tensors: C; readonly open: () => B };
}
export const bookkept = <const C extends ChildRecord, B extends Book>(
  tensors: C,
  open: () => B,
): Bookkept<C, B> => ({
  [BOOKKEPT]: { tensors, open },
});

export interface TwinOptions {
  /**
   * The twin's BatchNorm running statistics: `own` moves them by its own batches (as the F2C code), `average` averages
   * the original's like its weights, `copy` takes the original's.
   */
  buffers?: "own" | "average" | "copy";
  /** The statistics with which the twin's BatchNorm normalises inside the step: the batch's, or the running ones. */
  statistics?: "batch" | "running";
}

/** A second copy of a net that gets no gradient: it starts equal, and the step decides how it follows. */
export type Twin<M extends AnyModule = AnyModule> = M & {
  readonly [TWIN]: { readonly of: AnyModule; readonly options: Required<TwinOptions> };
};

/** The twin of `net`. Calling it records no gradient. */
export const twin = <M extends AnyModule>(net: M, options: TwinOptions = {}): Twin<M> =>
  standIn("a twin", {
    [MODULE]: moduleParts(net),
    [TWIN]: {
      of: net,
      options: { buffers: options.buffers ?? "own", statistics: options.statistics ?? "batch" },
    },
  });

export const twinParts = (value: unknown) =>
  typeof value === "function" ? (value as unknown as Twin)[TWIN] : undefined;
export const bookkeptParts = (value: unknown) =>
  typeof value === "object" && value !== null ? (value as Partial<Bookkept>)[BOOKKEPT] : undefined;

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

/** The images of one stream of a step, as the plan sees them. */
export interface PlannedImages {
  /** Index of each image in the data source. */
  readonly images: Int32Array;
  /** Identity of each image. */
  readonly labels: Int32Array;
}
export type PlannedBatch = Readonly<Record<string, PlannedImages>>;

/** What a plan may return: numbers, index arrays (Int32Array), masks (Uint8Array), reals (Float32Array), records of these. */
export type PlanValue =
  | number
  | boolean
  | Int32Array
  | Uint8Array
  | Float32Array
  | { readonly [name: string]: PlanValue };

/** A plan as the step sees it. */
export type Planned<P> = P extends number
  ? number
  : P extends boolean
    ? boolean
    : P extends Int32Array
      ? Tensor<readonly [number], "i64">
      : P extends Uint8Array
        ? Tensor<readonly [number], "bool">
        : P extends Float32Array
          ? Tensor<readonly [number], "f32">
          : [Unplanned<P>] extends [never]
            ? { readonly [K in keyof P]: Planned<P[K]> }
            : // biome-ignore lint/suspicious/noExplicitAny: the plan is wrong, and that is the error to show
              any;

/** A value that cannot be in a plan, in words for a message. */
type Unplanned<P> = P extends string
  ? "a string"
  : P extends bigint
    ? "a bigint"
    : P extends symbol
      ? "a symbol"
      : P extends null
        ? "null"
        : undefined extends P
          ? "undefined"
          : P extends readonly unknown[]
            ? "an array"
            : P extends AnyFunction
              ? "a function"
              : P extends PromiseLike<unknown>
                ? "a promise"
                : P extends { readonly [Symbol.toStringTag]: infer Name extends string }
                  ? string extends Name
                    ? "an object of a class"
                    : `a ${Name}`
                  : "valueOf" extends keyof P
                    ? "an object of a class"
                    : never;

type PlanErrors<P, Path extends string = "plan"> = [P] extends [PlanValue]
  ? never
  : unknown extends P
    ? never
    : P extends PlanValue
      ? never
      : [Unplanned<P>] extends [never]
        ? { readonly [K in keyof P & string]: PlanErrors<P[K], `${Path}.${K}`> }[keyof P & string]
        : `\`${Path}\` is ${Unplanned<P>}`;
type PlanCheck<P> = [PlanErrors<P>] extends [never]
  ? unknown
  : ShapeError<`${PlanErrors<P>}; a plan holds numbers, booleans, Int32Array, Uint8Array, Float32Array and records of these`>;

// biome-ignore lint/suspicious/noExplicitAny: any function
type AnyFunction = (...args: any[]) => unknown;

type Scalar = Tensor<readonly [], "f32">;
/** A step's result: the loss, and any more numbers to log. */
export type StepResult =
  | Tensor<readonly [], FloatDType>
  | { readonly loss: Tensor<readonly [], FloatDType>; readonly [metric: string]: Tensor<readonly []> };

type Metric<Name extends string, T> =
  T extends Tensor<readonly [], FloatDType>
    ? never
    : T extends Tensor<readonly []>
      ? Name extends "loss"
        ? "the loss must be floating point"
        : never
      : `the step's \`${Name}\` must be one number, a tensor of shape [], got ${ShowTensor<T>}`;
type StepErrors<R> = R extends Tensor
  ? Metric<"loss", R>
  : "loss" extends keyof R
    ? { readonly [K in keyof R & string]: Metric<K, R[K]> }[keyof R & string]
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
   * are written.
   */
  step(state: StepState<S>, batch: Readonly<Record<B, Images>>, plan: Planned<P>): R & StepCheck<R, P>;
  /** Compiled. Images to embeddings, for evaluation and export. */
  embed(state: StepState<S>, images: Images): Features;
  /**
   * The policies that `plan` calls, by the names of their options, so that `check` can warn about them as about the learning
   * rate's.
   */
  policies?: Readonly<Record<string, Policy>>;
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

/** A net, or how to build one for images of a given shape. */
export type NetBuilder<M extends Module = Module> = (shape: Setting["shape"]) => M;
export type Net = NetBuilder<Module<[x: Images], Features>> & { readonly embedding: number };

type EmbeddingCheck<M, E extends number> = M extends (x: never) => infer R
  ? R extends Features<E>
    ? unknown
    : ShapeError<`the net gives ${ShowTensor<R>}, embeddings of ${E} are ${ShowTensor<Features<E>>}`>
  : unknown;

/** Names a function that builds a net, and the length of its embeddings. */
export const net = <const E extends number, M extends Module<[x: Images], Tensor>>(
  embedding: E,
  build: NetBuilder<M & EmbeddingCheck<M, E>>,
): Net => Object.assign(build as NetBuilder<Module>, { embedding });

export type { Scalar };
