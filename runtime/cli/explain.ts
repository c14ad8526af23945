/** @file `f2c-dsl explain`: what a code of a diagnostic means, why it is refused, and what to do. */
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { explanation } from "../../compiler/diagnostics/write-docs.js";
import { fail } from "./report.js";

export function explain(code: string): void {
  const text = explanation(code.toUpperCase());
  if (text !== undefined) process.stdout.write(text);
  else fail(experimentError("bad-command-line.code", { code }));
}
