/** @file What a plan is given, and what it may hold: values of Node that the step gets as tensors and numbers. */
import type { ShapeError } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";

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

/** What of a plan `P` cannot be in one, in words; `never` where all of it can. */
export type PlanErrors<P, Path extends string = "plan"> = [P] extends [PlanValue]
  ? never
  : unknown extends P
    ? never
    : P extends PlanValue
      ? never
      : [Unplanned<P>] extends [never]
        ? { readonly [K in keyof P & string]: PlanErrors<P[K], `${Path}.${K}`> }[keyof P & string]
        : `\`${Path}\` is ${Unplanned<P>}`;
/** Says in the editor what of a plan `P` cannot be in one. */
export type PlanCheck<P> = [PlanErrors<P>] extends [never]
  ? unknown
  : ShapeError<`${PlanErrors<P>}; a plan holds numbers, booleans, Int32Array, Uint8Array, Float32Array and records of these`>;

// biome-ignore lint/suspicious/noExplicitAny: any function
type AnyFunction = (...args: any[]) => unknown;
