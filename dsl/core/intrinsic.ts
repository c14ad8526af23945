import { experimentError } from "./errors.js";

/** Marks a function that can be called only inside a compiled function; its value is the op's name. */
export const INTRINSIC = Symbol.for("f2c-dsl.intrinsic");

/** A function that stands for an op. Calling it while the experiment is being built is a mistake, and says so. */
// biome-ignore lint/suspicious/noExplicitAny: it takes on the signature that it is declared with
export function intrinsic(name: string): any {
  const stand_in = () => {
    throw experimentError("compiled-function-called-early.op", { op: name });
  };
  return Object.assign(stand_in, { [INTRINSIC]: name });
}
