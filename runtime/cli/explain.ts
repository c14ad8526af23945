/** @file `f2c-dsl explain`: what a code of a diagnostic means, why it is refused, and what to do. */
import { explanation } from "../../compiler/diagnostics/write-docs.js";
import { ExperimentError } from "../../dsl/errors.js";
import { fail } from "./report.js";

export function explain(code: string): void {
  const text = explanation(code.toUpperCase());
  if (text !== undefined) process.stdout.write(text);
  else
    fail(
      new ExperimentError(
        "F2C1108",
        `there is no diagnostic ${code}`,
        "give the code that stands after `error`, for example F2C1015",
      ),
    );
}
