import { ExperimentError } from "./errors.js";

/** Marks a function that has a meaning only inside a compiled function; its value is the op's name. */
export const INTRINSIC = Symbol.for("f2c-dsl.intrinsic");

/** A function that stands for an op. Calling it while the experiment is being built is a mistake, and says so. */
// biome-ignore lint/suspicious/noExplicitAny: it takes on the signature that it is declared with
export function intrinsic(name: string): any {
  const stand_in = () => {
    throw new ExperimentError(
      "F2C2101",
      `${name}() was called while the experiment was being built`,
      `call ${name}() inside a compiled function (a module's forward, a method's step, a margin), not outside of it`,
    );
  };
  return Object.assign(stand_in, { [INTRINSIC]: name });
}
