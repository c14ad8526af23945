/** @file What a person did wrong in an experiment, as an exception. */

import {
  type Catalogue,
  type Filled,
  filledIn,
  type NameIn,
  type ParametersIn,
} from "../diagnostics/entry.js";
import { EXPERIMENT } from "../diagnostics/experiment.js";

/**
 * What a person did wrong in an experiment, found while it is being built or planned.
 *
 * `code` is stable and listed in `docs/diagnostics.md`; `hint` says what to do instead.
 */
export class ExperimentError extends Error {
  override readonly name = "ExperimentError";
  readonly code: string;
  readonly hint: string | undefined;

  constructor({ code, message, hint }: Omit<Filled, "severity">) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Makes the errors of a catalogue, by name. `hint`: one for this very case, in place of the catalogue's. */
export const errorsOf = <const C extends Catalogue>(catalogue: C) =>
  function made<Name extends NameIn<C>>(
    name: Name,
    parameters: ParametersIn<C, Name>,
    hint?: string,
  ): ExperimentError {
    const error = new ExperimentError(filledIn(catalogue, name, parameters, hint));
    Error.captureStackTrace(error, made); // an excerpt of ten frames has none to spare
    return error;
  };

/** An error of the DSL's own, to be thrown: `throw experimentError("bad-experiment.seed", { name, seed })`. */
export const experimentError = errorsOf(EXPERIMENT);
