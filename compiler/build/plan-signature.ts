/** @file The types of a plan's values, taken from the first plan; later plans must have the same. */
import { ExperimentError, type PlanValue, type StepPoint } from "../../dsl/index.js";
import { scalarType, type Type, tensorType } from "../ir/module.js";

export type PlanSignature =
  | { readonly kind: "leaf"; readonly type: Type }
  | { readonly kind: "record"; readonly fields: Readonly<Record<string, PlanSignature>> };

/** The numbers that policies see at `step`. */
export const planPoint = (step: number, stepsPerEpoch: number, steps: number): StepPoint => ({
  step,
  epoch: Math.floor(step / stepsPerEpoch),
  stepsPerEpoch,
  steps,
});

/** An Int32Array becomes i64 (torch indexes with nothing else), a Uint8Array bool, a Float32Array f32, a number f64. */
export function signatureOf(value: PlanValue, path = "plan"): PlanSignature {
  const leaf = (type: Type): PlanSignature => ({ kind: "leaf", type });
  if (typeof value === "number") return leaf(scalarType("f64"));
  if (typeof value === "boolean") return leaf(scalarType("bool"));
  if (value instanceof Int32Array) return leaf(tensorType([value.length], "i64"));
  if (value instanceof Uint8Array) return leaf(tensorType([value.length], "bool"));
  if (value instanceof Float32Array) return leaf(tensorType([value.length], "f32"));
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value)) {
    return {
      kind: "record",
      fields: Object.fromEntries(
        Object.entries(value).map(([name, v]) => [name, signatureOf(v, `${path}.${name}`)]),
      ),
    };
  }
  throw new ExperimentError(
    "F2C2401",
    `\`${path}\` is ${value === null ? "null" : ArrayBuffer.isView(value) ? (value as object).constructor.name : Array.isArray(value) ? "an array" : `a ${typeof value}`}, which a plan cannot hold`,
    "a plan holds numbers, booleans, Int32Array, Uint8Array (masks), Float32Array, and records of these",
  );
}

/** A plan as the messages to the host carry it: scalars and arrays by their dotted paths. */
export interface FlatPlan {
  readonly scalars: Record<string, number | boolean>;
  readonly arrays: Record<string, Int32Array | Uint8Array | Float32Array>;
}

/** Flattens a plan, checking it against the first one's signature. */
export function flattenPlan(value: PlanValue, signature: PlanSignature, step: number): FlatPlan {
  const flat: FlatPlan = { scalars: {}, arrays: {} };
  const visit = (v: PlanValue, expected: PlanSignature, path: string): void => {
    if (expected.kind === "record" && typeof v === "object" && v !== null && !ArrayBuffer.isView(v)) {
      for (const [name, field] of Object.entries(expected.fields))
        visit((v as Record<string, PlanValue>)[name]!, field, path ? `${path}.${name}` : name);
      return;
    }
    const type = expected.kind === "leaf" ? expected.type : undefined;
    if ((typeof v === "number" || typeof v === "boolean") && type?.kind === "scalar") {
      if (typeof v === "number" && Number.isNaN(v))
        throw new ExperimentError(
          "F2C2403",
          `\`${path}\` of the plan is NaN at step ${step}`,
          "check the policy that computes it",
        );
      flat.scalars[path || "plan"] = v;
    } else if (
      ArrayBuffer.isView(v) &&
      type?.kind === "tensor" &&
      (v as Int32Array).length === type.dims[0]
    ) {
      flat.arrays[path || "plan"] = v as Int32Array;
    } else {
      const got = ArrayBuffer.isView(v)
        ? `${v.constructor.name} of length ${(v as Int32Array).length}`
        : typeof v;
      throw new ExperimentError(
        "F2C2402",
        `\`${path}\` of the plan is ${got} at step ${step}, but was of another type or length at step 0`,
        "a compiled step has fixed shapes: pad index arrays to one length",
      );
    }
  };
  visit(value, signature, "");
  return flat;
}
