/** @file Results of a call in Node: as they come over the bridge, as a driver sees them, and how many bytes they are. */
import type { DType, Type } from "../../compiler/index.js";
import type { AnyAnswer } from "../../dsl/index.js";
import type { PlanResult } from "../bridge/host-events.js";

/** Bytes of a value on its way; f64 stays, other reals travel as f32, all else as i64. */
const TRAVELLING: Readonly<Partial<Record<DType, number>>> = { f16: 4, bf16: 4, f32: 4 };
const WIDEST = 8;

/** Bytes of what a call gives, at most. */
export const bytesOf = (results: Readonly<Record<string, Type>>): number =>
  Object.values(results).reduce(
    (bytes, type) =>
      type.kind === "tensor"
        ? bytes +
          (TRAVELLING[type.dtype] ?? WIDEST) * type.dims.reduce<number>((n, dim) => n * Number(dim), 1)
        : bytes + WIDEST,
    0,
  );

/** A tensor's values as a driver sees them: whole numbers in 32 bits, or `tooWide`; booleans as 0 and 1. */
export function answerOf(
  data: PlanResult["tensors"][string]["data"],
  type: Type,
  tooWide: (value: string) => Error,
): AnyAnswer {
  if (!(data instanceof BigInt64Array)) return data as Float32Array | Float64Array;
  if (type.kind === "tensor" && type.dtype === "bool") return Uint8Array.from(data, Number);
  const numbers = Int32Array.from(data, Number);
  const wide = data.find((value, i) => Number(value) !== numbers[i]);
  if (wide !== undefined) throw tooWide(String(wide));
  return numbers;
}
