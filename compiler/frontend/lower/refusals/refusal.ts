/**
 * @file A refusal on its way: thrown where something cannot be lowered, caught at the statement that it stands in.
 *
 *     TypeScript in                  out
 *     const a = await x;             refused; `a` stands for nothing from here
 *     const b = a.add(y);            refused already: nothing more is said
 *     const c = y.nothing();         refused too, since the statements after the first are looked at
 */
import type { Diagnostic } from "../../../diagnostics/diagnostic.js";

/** A user's mistake in a compiled function. Caught at the statement, so that the next statements are looked at too. */
export class Refusal extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.message);
  }
}

/** Something depends on a place that was refused already. */
export class AlreadyRefused extends Error {}
