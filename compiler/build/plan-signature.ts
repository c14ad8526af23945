/** @file The types of a plan's values, taken from the first plan; later plans must have the same. */

import type { LoadedImages, PlanValue, Policy, StepPoint } from "../../dsl/index.js";
import { experimentError } from "../diagnostics/catalogue.js";
import {
  type DType,
  type ScalarType,
  scalarType,
  type TensorType,
  type Type,
  tensorType,
} from "../ir/module.js";

export type PlanSignature =
  | { readonly kind: "value"; readonly type: Type }
  | { readonly kind: "record"; readonly fields: Readonly<Record<string, PlanSignature>> };

/** The numbers that policies see at `step`. */
export const planPoint = (step: number, stepsPerEpoch: number, steps: number): StepPoint => ({
  step,
  epoch: Math.floor(step / stepsPerEpoch),
  stepsPerEpoch,
  steps,
});

const SCALARS: Readonly<Record<ScalarType, string>> = { f64: "number", i64: "number", bool: "boolean" };
/** torch indexes only with i64, and masks are bool. */
const ARRAYS: Readonly<Partial<Record<DType, new (length: number) => ArrayBufferView>>> = {
  i64: Int32Array,
  bool: Uint8Array,
  f32: Float32Array,
};

/** An Int32Array becomes i64 (torch indexes only with it), a Uint8Array bool, a Float32Array f32, a number f64. */
export function signatureOf(value: PlanValue, path = "plan"): PlanSignature {
  const ofType = (type: Type): PlanSignature => ({ kind: "value", type });
  if (typeof value === "number") return ofType(scalarType("f64"));
  if (typeof value === "boolean") return ofType(scalarType("bool"));
  for (const [dtype, array] of Object.entries(ARRAYS))
    if (value instanceof array) return ofType(tensorType([(value as Int32Array).length], dtype as DType));
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value)) {
    return {
      kind: "record",
      fields: Object.fromEntries(
        Object.entries(value).map(([name, v]) => [name, signatureOf(v, `${path}.${name}`)]),
      ),
    };
  }
  throw experimentError("plan-value-unsupported", { path, value: kindOf(value) });
}

const kindOf = (value: unknown): string =>
  value === null
    ? "null"
    : ArrayBuffer.isView(value)
      ? value.constructor.name
      : Array.isArray(value)
        ? "an array"
        : `a ${typeof value}`;

/** What a line of metrics.jsonl says beside the step's metrics and the plan's numbers. */
const LOGGED: Readonly<Record<string, string>> = {
  step: "the number of the step",
  epoch: "the epoch",
  seconds: "how long the step took",
  wait: "how long the step waited for images",
  elapsed: "how long the run has taken",
  evaluation: "what an evaluation found",
};

/** What the log already has under a name; `undefined` if the name is free. */
export const loggedAs = (name: string): string | undefined =>
  Object.hasOwn(LOGGED, name) ? LOGGED[name] : undefined;

/** The names under which a plan's numbers are logged. */
export const loggedNumbers = (signature: PlanSignature): readonly string[] =>
  signature.kind === "value"
    ? []
    : Object.entries(signature.fields).flatMap(([name, field]) =>
        field.kind === "value" && field.type.kind === "scalar" && field.type.scalar !== "bool" ? [name] : [],
      );

/** The dotted paths of a plan's values. A plan that is a single value has the path `plan`. */
export function pathsOf(signature: PlanSignature, path = ""): readonly string[] {
  if (signature.kind === "value") return [path === "" ? "plan" : path];
  return Object.entries(signature.fields).flatMap(([name, field]) =>
    pathsOf(field, path === "" ? name : `${path}.${name}`),
  );
}

/** A plan as the messages to the host carry it: scalars and arrays by their dotted paths. */
export interface FlatPlan {
  readonly scalars: Record<string, number | boolean>;
  readonly arrays: Record<string, Int32Array | Uint8Array | Float32Array>;
}

/** Flattens a plan, or what lies at a path of its own, checking it against the first one's signature. */
export function flattenPlan(value: PlanValue, signature: PlanSignature, step: number, path = ""): FlatPlan {
  const flat: FlatPlan = { scalars: {}, arrays: {} };
  const visit = (v: PlanValue, expected: PlanSignature, path: string): void => {
    const refuse = () => changed(path, v, expected, step);
    if (expected.kind === "record") {
      if (typeof v !== "object" || v === null || ArrayBuffer.isView(v)) refuse();
      const given = v as Readonly<Record<string, PlanValue>>;
      const name = (field: string) => (path ? `${path}.${field}` : field);
      for (const [field, type] of Object.entries(expected.fields)) visit(given[field]!, type, name(field));
      const more = Object.keys(given).find(
        (field) => given[field] !== undefined && !Object.hasOwn(expected.fields, field),
      );
      if (more !== undefined) changed(name(more), given[more]!, undefined, step);
    } else if (expected.type.kind === "scalar") {
      if (typeof v !== SCALARS[expected.type.scalar]) refuse();
      if (Number.isNaN(v)) throw experimentError("plan-value-nan", { path: path || "plan", step });
      flat.scalars[path || "plan"] = v as number | boolean;
    } else {
      const { dtype, dims } = expected.type as TensorType;
      if (!(v instanceof ARRAYS[dtype]!) || (v as Int32Array).length !== dims[0]) refuse();
      flat.arrays[path || "plan"] = v as Int32Array;
    }
  };
  visit(value, signature, path);
  return flat;
}

/** The arrays of a step's images: which they are, as in `x.images`, and what is drawn for them by its dotted path. */
export const batchArrays = (
  batch: Readonly<Record<string, LoadedImages>>,
  drawn: Readonly<Record<string, PlanSignature>>,
  step: number,
): FlatPlan["arrays"] =>
  Object.fromEntries(
    Object.entries(batch).flatMap(([stream, { images, changes }]) => [
      [`${stream}.images`, images],
      ...Object.entries(flattenPlan(changes, drawn[stream]!, step, stream).arrays),
    ]),
  );

/** The learning rate at a step, as the policy of that name gives it. */
export function learningRate(policy: Policy, at: StepPoint, name = "lr"): number {
  const lr: unknown = policy(at);
  if (typeof lr === "number" && Number.isFinite(lr) && lr >= 0) return lr;
  const value =
    typeof lr === "number"
      ? String(lr)
      : lr === undefined || lr === null
        ? "missing"
        : inWords(lr as PlanValue);
  throw experimentError("bad-learning-rate", { name, value, step: at.step });
}

function changed(path: string, got: PlanValue, expected: PlanSignature | undefined, step: number): never {
  throw experimentError("plan-shape-changed", {
    path: path || "plan",
    got: inWords(got),
    expected: wanted(expected),
    step,
  });
}

function inWords(value: PlanValue | undefined): string {
  if (value === undefined || value === null) return "missing";
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name} of length ${(value as unknown as Int32Array).length}`;
  return typeof value === "object" ? "a record" : `a ${typeof value}`;
}

function wanted(expected: PlanSignature | undefined): string {
  if (expected === undefined) return "not there";
  if (expected.kind === "record") return "a record";
  const { type } = expected;
  if (type.kind === "scalar") return `a ${SCALARS[type.scalar]}`;
  const { dtype, dims } = type as TensorType;
  return `${ARRAYS[dtype]!.name} of length ${dims[0]}`;
}
