/**
 * @file A stage whose next calls depend on what the calls before gave: compiled functions over tensors that stay on the device,
 * and a driver in Node, a book, that says which of them is called with what, hears the answers, and says what the stage leaves.
 *
 *     const nearest = (k: number) => answered("nearest", { data: features, options: { k } }, ({ shape: [d] }) =>
 *       answering(
 *         { centroids: state([k, d]) },
 *         (compiled) => ({
 *           search: compiled({ rows: 64, plan: { known: 0 } }, ({ centroids }, rows, { known }) => ({ cosines: … })),
 *         }),
 *         ({ search }) => new SearchingBook(search),
 *       ));
 */
import { experimentError } from "../core/errors.js";
import { inRange, WHOLE } from "../core/range.js";
import type { DType, FloatDType, ShapeError } from "../core/shape.js";
import type { Images, Tensor } from "../core/tensor.js";
import type { Experiment } from "../experiment.js";
import type { MethodState, StepState } from "../method/method.js";
import type { PlanCheck, Planned, PlanValue } from "../method/plan.js";
import type { Catalogue, DataSource } from "../method/source.js";
import { type Left, STAGE, type Stage, type StageKind } from "../method/stage.js";
import type { Book } from "../plan/book.js";

export const ANSWERED = Symbol.for("f2c-dsl.answered");
export const CALLABLE = Symbol.for("f2c-dsl.callable");

/** What of a stage's result a tensor or a number becomes in Node. Whole numbers have to fit into 32 bits. */
export type Answer<T> =
  T extends Tensor<infer S, infer D>
    ? S["length"] extends 0
      ? number
      : ArrayOf<D>
    : T extends number | boolean
      ? number
      : never;
type ArrayOf<D extends DType> = D extends "f64"
  ? Float64Array
  : D extends FloatDType
    ? Float32Array
    : D extends "bool"
      ? Uint8Array
      : Int32Array;

type NumbersOf<R> = { [N in keyof R]: Answer<R[N]> extends number ? N : never }[keyof R];

/** A result of a function as the host gives it: a number for a tensor of shape [], otherwise its values, row by row. */
export type AnyAnswer = number | Int32Array | Uint8Array | Float32Array | Float64Array;

/** What of a function's result cannot cross to Node, in words; `never` where all of it can. */
type ResultErrors<R> = R extends Tensor
  ? "a function that a driver calls returns a record of tensors: { kept, count }"
  : {
      [N in keyof R & string]: R[N] extends Tensor | number | boolean
        ? never
        : `\`${N}\` is no tensor; the results of a call are tensors and numbers`;
    }[keyof R & string];
type ResultCheck<R> = [ResultErrors<R>] extends [never] ? unknown : ShapeError<ResultErrors<R>>;

/** What every call of a function is given: so many rows of the data, and a plan of this form. */
export interface CallForm<P> {
  /** Images or rows of a matrix. Absent: none, and the function's second parameter is undefined. */
  readonly rows?: number;
  /** A plan whose values have the types and lengths of those of every call. */
  readonly plan: P;
}

/** What one call is given. */
export interface Given<P, K> {
  /** Which rows of the data, as many as the function takes. */
  readonly rows?: Int32Array;
  readonly plan: P;
  /** Which results are wanted in Node; the others stay where they are. All unless given. Numbers always come. */
  readonly wants?: readonly K[];
}

/** A compiled function that a driver can have called. Making a call does nothing: `next` hands it out. */
export interface Callable<P, R> {
  readonly [CALLABLE]: CallableParts;
  <K extends keyof R & string = keyof R & string>(
    given: Given<P, K>,
    answer: (results: { readonly [N in K | NumbersOf<R>]: Answer<R[N]> }) => void,
  ): Call;
}
/** What functions a stage has, by names of its own. */
// biome-ignore lint/suspicious/noExplicitAny: each has a plan and results of its own
export type Callables = Readonly<Record<string, Callable<any, any>>>;

export interface CallableParts {
  readonly rows: number;
  readonly plan: PlanValue;
  /** Compiled, over (state, rows, plan). */
  readonly run: (...args: never[]) => unknown;
}

/** A call that waits to be made. */
export interface Call {
  readonly function: Callables[string];
  readonly rows: Int32Array;
  readonly plan: PlanValue;
  readonly wants: readonly string[] | undefined;
  readonly answer: (results: never) => void;
}

/**
 * What decides the calls of a stage: a book. Whenever the calls that it has handed out are more than the window of calls in
 * flight holds, the oldest one's answer comes first, so `next` is asked, and answers come, in the same order however fast the
 * host is. `state` is asked for when every call has been answered.
 */
export interface Driver extends Book {
  /** The next call; `wait`: the answer to the oldest one in flight is needed to say; `done`: there are no more calls. */
  next(): Call | "wait" | "done";
  /** What the stage leaves, once all calls are answered. */
  result(): Left;
  /** How far it is, for people who wait. */
  progress?(): string;
}

/** What a stage's state, functions and driver are made for: the rows of its data. */
export type AnsweredRows = Pick<Catalogue, "offsets" | "shape">;

/** Tensors that stay on the device, the functions over them, and a fresh driver. */
export interface Answering {
  readonly state: MethodState;
  readonly functions: Callables;
  readonly driver: () => Driver;
}

/** Makes a compiled function of a stage with this state. */
export type Compiling<S extends MethodState> = <const P extends PlanValue, R>(
  form: CallForm<P & PlanCheck<P>>,
  run: (state: StepState<S>, rows: Images, plan: Planned<Widened<P>>) => R & ResultCheck<R>,
) => Callable<Widened<P>, R>;

/** The plans of all calls, from one: any number where it has a number, any array of a type where it has one. */
type Widened<P> = P extends number
  ? number
  : P extends boolean
    ? boolean
    : P extends Int32Array
      ? Int32Array
      : P extends Uint8Array
        ? Uint8Array
        : P extends Float32Array
          ? Float32Array
          : { readonly [K in keyof P]: Widened<P[K]> };

/** Joins tensors on the device, compiled functions over them, and the driver that has them called. */
export const answering = <const S extends MethodState, F extends Callables>(
  state: S,
  functions: (compiled: Compiling<S>) => F,
  driver: (functions: F) => Driver,
): Answering => {
  const made = functions(compiling as Compiling<S>);
  return { state, functions: made, driver: () => driver(made) };
};

function compiling(form: CallForm<PlanValue>, run: CallableParts["run"]): Callables[string] {
  const { rows = 0, plan } = form;
  if (!Number.isInteger(rows) || rows < 0) throw experimentError("bad-answered.rows", { rows });
  const callable = (given: Given<PlanValue, string>, answer: Call["answer"]): Call => {
    const { rows: wanted = new Int32Array(0), plan, wants } = given;
    if (wanted.length !== rows)
      throw experimentError("bad-answered.call-rows", { given: wanted.length, wanted: rows });
    return { function: made, rows: wanted, plan, wants, answer };
  };
  const made: Callables[string] = Object.assign(callable, { [CALLABLE]: { rows, plan, run } });
  return made;
}

export interface AnsweredOptions {
  /** Rows of an `embed` stage, or any other source. */
  readonly data: DataSource;
  /** Whose rows: of the people to train on, or of those kept back. */
  readonly of?: "train" | "heldOut";
  /** What decides what the driver does: another value makes another artefact. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Calls from one checkpoint to the next. */
  readonly checkpoint?: number;
  readonly device?: Experiment["device"];
  readonly backend?: Experiment["backend"];
}

/** A stage with a driver; what it leaves is for stages that are made from it, such as `subset`s of its data. */
export interface Answered extends Stage {
  readonly [ANSWERED]: Required<AnsweredOptions> & { readonly open: (rows: AnsweredRows) => Answering };
}

/** A stage of a kind of its own, whose next calls depend on answers. It leaves `result.safetensors` and `result.json`. */
export function answered(
  kind: string,
  given: AnsweredOptions,
  open: (rows: AnsweredRows) => Answering,
): Answered {
  const {
    data,
    of = "train",
    options = {},
    checkpoint = 256,
    device = "auto",
    backend = "torchscript",
  } = given;
  if (!/^[a-z][\w-]*$/.test(kind)) throw experimentError("bad-answered.kind", { kind });
  inRange("answered", "checkpoint", checkpoint, WHOLE);
  return {
    [STAGE]: kindOf(kind),
    [ANSWERED]: { data, of, options, checkpoint, device, backend, open },
  };
}

const kindOf = (kind: string): StageKind<Answered> => ({
  kind,
  maker: "answered",
  called: () => kind,
  needs: ({ [ANSWERED]: { data } }) => data.needs ?? [],
});
