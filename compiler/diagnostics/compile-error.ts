import type { Diagnostic } from "./diagnostic.js";

/** A program that was refused: everything that is wrong with it, and the texts that the places point into. */
export class CompileError extends Error {
  override readonly name = "CompileError";

  constructor(
    readonly diagnostics: readonly Diagnostic[],
    readonly texts: ReadonlyMap<string, string> = new Map(),
  ) {
    super(diagnostics.map((d) => `${d.code}: ${d.message}`).join("\n"));
  }
}
