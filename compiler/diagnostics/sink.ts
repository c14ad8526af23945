/** @file Where a compilation collects what is wrong with a program, to say it all at once. */
import type { Diagnostic } from "./diagnostic.js";

/** Collects diagnostics; each is kept once. */
export class DiagnosticSink {
  private readonly found = new Map<string, Diagnostic>();

  /** Adds a diagnostic; one with the code, place and message of an earlier one is dropped. */
  add(d: Diagnostic): void {
    const key = JSON.stringify([d.code, d.span?.path, d.span?.start, d.span?.end, d.message]);
    if (!this.found.has(key)) this.found.set(key, d);
  }

  get isEmpty(): boolean {
    return this.found.size === 0;
  }

  /** All of them by path and position, those without a place first; at one place, in the order of reports. */
  get diagnostics(): readonly Diagnostic[] {
    return [...this.found.values()].sort((a, b) => {
      if (!a.span || !b.span) return Number(a.span !== undefined) - Number(b.span !== undefined);
      if (a.span.path !== b.span.path) return a.span.path < b.span.path ? -1 : 1;
      return a.span.start - b.span.start || a.span.end - b.span.end;
    });
  }
}
