/** @file Where a compilation collects what is wrong with a program, to say it all at once. */
import { type DiagnosticName, type ParametersOf, type ReportDetails, report } from "./catalogue.js";
import { CompileError } from "./compile-error.js";
import type { Diagnostic, Span } from "./diagnostic.js";

export { CompileError } from "./compile-error.js";

/** Collects diagnostics; each is kept once. */
export class DiagnosticSink {
  private readonly found = new Map<string, Diagnostic>();

  /** Adds finished diagnostics; one with the code, place and message of an earlier one is dropped. */
  add(...diagnostics: readonly Diagnostic[]): void {
    for (const d of diagnostics) {
      const key = JSON.stringify([d.code, d.span?.path, d.span?.start, d.span?.end, d.message]);
      if (!this.found.has(key)) this.found.set(key, d);
    }
  }

  /** Adds a diagnostic of the catalogue. */
  report<Name extends DiagnosticName>(
    name: Name,
    span: Span | undefined,
    parameters: ParametersOf<Name>,
    details?: ReportDetails,
  ): void {
    this.add(report(name, span, parameters, details));
  }

  get hasErrors(): boolean {
    return [...this.found.values()].some((d) => d.severity === "error");
  }

  /** All of them by path and position, those without a place first; at one place, in the order of reports. */
  get diagnostics(): readonly Diagnostic[] {
    return [...this.found.values()].sort((a, b) => {
      if (!a.span || !b.span) return Number(a.span !== undefined) - Number(b.span !== undefined);
      if (a.span.path !== b.span.path) return a.span.path < b.span.path ? -1 : 1;
      return a.span.start - b.span.start || a.span.end - b.span.end;
    });
  }

  /** Throws a CompileError with everything found, warnings too, if there is an error among it. */
  throwIfErrors(texts?: ReadonlyMap<string, string>): void {
    if (this.hasErrors) throw new CompileError(this.diagnostics, texts);
  }
}
