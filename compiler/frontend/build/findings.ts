/** @file What is found wrong with an experiment while it is compiled, and where in the experiment it is shown. */
import { codeOf, report } from "../../diagnostics/catalogue.js";
import { CompileError } from "../../diagnostics/compile-error.js";
import type { Diagnostic, Span } from "../../diagnostics/diagnostic.js";
import { DiagnosticSink } from "../../diagnostics/sink.js";
import { LIBRARY_PREFIX } from "../library.js";
import { type LoadedFile, optionOf, thrown } from "../load/load.js";
import { optionNamed } from "../load/stack.js";
import type { FunctionSource, SourceTexts } from "../lower/function-source.js";

/** The file that declares the experiment, and all texts. */
export type Located = Pick<LoadedFile, "path" | "texts">;

/** Collects what lowering reports, each problem once, to refuse the experiment with all of it. */
export class Findings {
  private readonly found = new DiagnosticSink();

  constructor(
    private readonly loaded: Located,
    private readonly texts: SourceTexts,
  ) {}

  readonly report = (diagnostic: Diagnostic): void => this.found.add(this.inExperiment(diagnostic));

  /** Refuses the experiment if anything was reported. */
  throwIfAny(): void {
    if (!this.found.isEmpty) this.throw();
  }

  throw(): never {
    const { diagnostics } = this.found;
    const spans = diagnostics.flatMap((d) => [d.span, ...d.related.map((r) => r.span)]);
    const texts = spans.flatMap((s) =>
      s && s.path !== "" ? [[s.path, this.texts.text(s.path)] as const] : [],
    );
    throw new CompileError(diagnostics, new Map(texts));
  }

  /** The syntax of a compiled function, which is the `part` of something. Refuses the experiment if it was not loaded, at `span`. */
  sourceOf(fn: unknown, part: string, span: () => Span): FunctionSource {
    const source = this.texts.functionOf(fn);
    if (source) return source;
    this.report(report("function-not-loaded.method", span(), { part }));
    return this.throw();
  }

  /** Where the experiment names one of its options. */
  option(name: string): Span {
    return optionOf(this.loaded.path, this.loaded.texts, name);
  }

  /**
   * A fault inside the library, with no line of the user's on the way to it, is shown at the option of the experiment that
   * it comes from.
   */
  private inExperiment(d: Diagnostic): Diagnostic {
    if (!d.span?.path.startsWith(LIBRARY_PREFIX)) return d;
    const span = this.option(d.code === codeOf("one-value-a-channel") ? "loader" : "method");
    return { ...d, span, related: [{ message: "in the library, here", span: d.span }, ...d.related] };
  }
}

/**
 * Says which option of the experiment is being read, so that an exception is shown there, or at the closer place that
 * `place` finds.
 */
export type LookingAt = (
  option: "data" | "loader" | "method" | "optimizer" | "lr" | "evaluate",
  place?: (error: unknown) => Span | undefined,
) => void;

/**
 * Does `work`. An exception in it, thrown by the DSL or by the user's code, becomes a CompileError at the option that was
 * being read.
 */
export function showingOption<T>({ path, texts }: Located, work: (lookingAt: LookingAt) => T): T {
  let option = "data";
  let place: ((error: unknown) => Span | undefined) | undefined;
  try {
    return work((next, where) => {
      [option, place] = [next, where];
    });
  } catch (error) {
    const span =
      place?.(error) ??
      optionNamed(path, texts.get(path) ?? "", option, error) ??
      optionOf(path, texts, option);
    throw new CompileError([{ span, ...thrown(error, texts) }], texts);
  }
}
