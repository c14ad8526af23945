/** @file Modules: children first, then the function that uses them. The children's keys become parameter names. */
import { experimentError } from "./errors.js";
import type { Init } from "./initialisers.js";
import { zeros } from "./initialisers.js";
import type { DType, Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";

export const STORAGE = Symbol.for("f2c-dsl.storage");
export const MODULE = Symbol.for("f2c-dsl.module");

/** A tensor that lives from step to step: a parameter gets gradients unless it is not `trainable`, a state does not. */
export interface Stored<S extends Shape = Shape, D extends DType = DType> {
  readonly [STORAGE]: "parameter" | "state";
  readonly shape: S;
  readonly dtype: D;
  readonly init: Init;
  readonly trainable?: false;
}

function stored<S extends Shape, D extends DType>(
  role: "parameter" | "state",
  shape: S,
  init: Init,
  dtype: D,
): Stored<S, D> {
  const bad = shape.find((size) => !Number.isInteger(size) || size < 1);
  if (bad !== undefined) {
    throw experimentError("bad-parameter-shape", { role, shape: shape.join(", "), size: bad });
  }
  return Object.freeze({ [STORAGE]: role, shape, dtype, init });
}

/** A trained tensor of `shape`, f32. */
export const parameter = <const S extends Shape>(shape: S, init: Init): Stored<S, "f32"> =>
  stored("parameter", shape, init, "f32");

/** A tensor that the step reads and writes and that the optimizer leaves alone: running statistics, a class pool. */
export const state = <const S extends Shape, const D extends DType = "f32">(
  shape: S,
  init: Init = zeros(),
  dtype?: D,
): Stored<S, NoInfer<D>> => stored("state", shape, init, dtype ?? ("f32" as D));

// biome-ignore lint/suspicious/noExplicitAny: a module's arguments are its own
type AnyFunction = (...args: any[]) => unknown;

/** What a module may have as children. `null` stands for a child that this configuration does without. */
export type Child = Stored | AnyModule | readonly Child[] | ChildRecord | null;
export interface ChildRecord {
  readonly [name: string]: Child;
}

interface ModuleParts {
  readonly children: ChildRecord;
  readonly forward: AnyFunction;
}

/** A callable part of a net. It can be called only inside a compiled function. */
// biome-ignore lint/suspicious/noExplicitAny: a module's arguments are its own
export interface Module<Args extends readonly any[] = any, Result = any> {
  (...args: Args): Result;
  readonly [MODULE]: ModuleParts;
}
export type AnyModule = Module;

/** A module from one tensor to one tensor. */
export type Layer<In extends Tensor = Tensor, Out extends Tensor = Tensor> = Module<[x: In], Out>;

/** What a forward function sees of its children: stored tensors as tensors, the rest as they are. */
export type Bound<C> = [ChildRecord] extends [C]
  ? // biome-ignore lint/suspicious/noExplicitAny: the children are wrong, and that is the error to show
    any
  : C extends Stored<infer S, infer D>
    ? Tensor<S, D>
    : C extends AnyFunction
      ? C
      : C extends null
        ? null
        : C extends object
          ? { readonly [K in keyof C]: Bound<C[K]> }
          : C;

/** A function that carries properties under symbols, and refuses to be called while the experiment is being built. */
export function standIn<T>(what: string, marks: object): T {
  const call = () => {
    throw experimentError("compiled-function-called-early", { what });
  };
  return Object.assign(call, marks) as T;
}

/**
 * A module: its children, and the function that uses them.
 *
 *     const block = (c: number) =>
 *       module({ conv: conv2d(c, c, { kernel: 3, padding: 1 }), act: prelu(c) }, ({ conv, act }, x: Images) => act(conv(x)));
 */
// biome-ignore lint/suspicious/noExplicitAny: inferred from `forward`
export const module = <const C extends ChildRecord, Args extends readonly any[], Result>(
  children: C,
  forward: (children: Bound<C>, ...args: Args) => Result,
): Module<Args, Result> => standIn("a module", { [MODULE]: { children, forward } });

/** The parts of a module, or `undefined` for anything else. */
export const moduleParts = (value: unknown): ModuleParts | undefined =>
  typeof value === "function" ? (value as unknown as Module)[MODULE] : undefined;

export const isStored = (value: unknown): value is Stored =>
  typeof value === "object" && value !== null && STORAGE in value;
