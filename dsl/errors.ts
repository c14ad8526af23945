/**
 * What a person did wrong in an experiment, found while it is being built or planned.
 *
 * `code` is stable and listed in `docs/diagnostics.md`; `hint` says what to do instead.
 */
export class ExperimentError extends Error {
  override readonly name = "ExperimentError";

  constructor(
    readonly code: string,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}
