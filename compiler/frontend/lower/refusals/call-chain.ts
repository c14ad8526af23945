/**
 * @file Where the lowering stands: the chain of calls that are written out into the function, and what is refused at its end.
 *
 *     TypeScript in                  IR out                        or, refused
 *     step → net → conv, at x.add    %y = add(…)  at exp.ts:12     F2C3001 at exp.ts:12
 *                                      from exp.ts:30                called from `step`, exp.ts:30
 */
import {
  codeOf,
  type DiagnosticName,
  type Filled,
  inWords,
  type ParametersOf,
  type ReportDetails,
} from "../../../diagnostics/catalogue.js";
import type { Diagnostic, Span } from "../../../diagnostics/diagnostic.js";
import type { Location } from "../../../ir/module.js";
import type { ts } from "../../typescript.js";
import { functionName, headOf, inUserCode } from "../forms/places.js";
import type { FunctionSource } from "../function-source.js";
import type { BoundSizes } from "../values/operand.js";
import { AlreadyRefused, Refusal } from "./refusal.js";

/** A call that is written out where it stands. */
interface Call {
  readonly location: Location | undefined;
  readonly source: FunctionSource;
  readonly sizes: BoundSizes;
}

/** More calls within each other than a program has that ends. */
const MAX_DEPTH = 150;
const RECURSION = codeOf("recursion");

export class CallChain {
  /** Innermost last. */
  private readonly calls: Call[] = [];

  constructor(readonly report: (diagnostic: Diagnostic) => void) {}

  /** The source of the function that is being lowered. */
  get source(): FunctionSource {
    return this.calls.at(-1)!.source;
  }

  /** The names of sizes that `as` has bound in the call that is being lowered. */
  get sizes(): BoundSizes {
    return this.calls.at(-1)!.sizes;
  }

  /** Runs `work` in a call of `source`; without a place `at`, for what is lowered around a function. */
  inCall<T>(
    source: FunctionSource,
    work: () => T,
    at: ts.Node | undefined = undefined,
    sizes: BoundSizes = new Map(),
  ): T {
    this.calls.push({ location: at && this.locate(at), source, sizes });
    try {
      return work();
    } finally {
      this.calls.pop();
    }
  }

  locate(node: ts.Node): Location {
    const { source, location } = this.calls.at(-1)!;
    return { path: source.path, start: node.getStart(), end: node.getEnd(), parent: location };
  }

  span(node: ts.Node): Span {
    return { path: this.source.path, ...headOf(node) };
  }

  /**
   * Refuses the program at `node`, or where the user's own code calls the library that `node` is in; the calls that led here
   * become related places, each place once.
   */
  refuse<Name extends DiagnosticName>(
    node: ts.Node,
    name: Name,
    parameters: ParametersOf<Name>,
    { hint, related }: ReportDetails = {},
  ): never {
    return this.refuseAs(node, inWords(name, parameters, hint), related);
  }

  /** Refuses in words that were found elsewhere. */
  refuseAs(
    node: ts.Node,
    { code, severity, message, hint }: Filled,
    about: Diagnostic["related"] = [],
  ): never {
    const place = this.span(node);
    const own = inUserCode(this.locate(node));
    const inLibrary = place.path !== own.path;
    const here = inLibrary ? { path: own.path, start: own.start, end: own.end } : place;
    const related = [...about, ...(inLibrary ? [{ message: "in the library, here", span: place }] : [])];
    const shown = new Set([here, place].map(({ path, start }) => `${path}:${start}`));
    for (let i = this.calls.length - 1; i > 0; i--) {
      const { location: at } = this.calls[i]!;
      if (!at || shown.has(`${at.path}:${at.start}`)) continue;
      shown.add(`${at.path}:${at.start}`);
      const message = `called from ${functionName(this.calls[i - 1]!.source.node) ?? "here"}`;
      related.push({ message, span: { path: at.path, start: at.start, end: at.end } });
    }
    throw new Refusal({ code, severity, message, span: here, related, hint });
  }

  /** Runs `work`; a refusal inside is reported, and `otherwise` is the result. */
  guarded<T>(work: () => T, otherwise: () => T): T {
    try {
      return work();
    } catch (error) {
      // A function that calls itself is refused as a whole: its other calls would be followed as deep, each.
      if (error instanceof Refusal && error.diagnostic.code === RECURSION && this.repeats) throw error;
      if (error instanceof Refusal) this.report(error.diagnostic);
      else if (!(error instanceof AlreadyRefused)) throw error;
      return otherwise();
    }
  }

  /** Whether a function is being lowered within itself. */
  private get repeats(): boolean {
    return new Set(this.calls.map((call) => call.source.node)).size < this.calls.length - 1;
  }

  /** Refuses to write out one more call of `source` where they go so deep that they cannot end. */
  refuseEndless(source: FunctionSource, at: ts.Node): void {
    if (this.calls.length <= MAX_DEPTH) return;
    const names = this.calls.map((c) => functionName(c.source.node) ?? "a function");
    const since = this.calls.findLastIndex((c) => c.source.node === source.node);
    const through = since < 0 ? [] : [...new Set(names.slice(since + 1))];
    const itself = functionName(source.node) ?? "this function";
    if (through.length === 0) this.refuse(at, "recursion", { function: itself });
    this.refuse(at, "recursion.through", { function: itself, others: through.join(", ") });
  }
}
