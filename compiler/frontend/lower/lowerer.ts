/** @file Lowers one compiled function: what is known now is computed, the rest becomes ops. The syntax lives in the files beside. */

import type { ChildRecord, Module, Stored } from "../../../dsl/index.js";
import { isStored, moduleParts, twinParts } from "../../../dsl/index.js";
import { type FunctionBuilder, OpRefusal } from "../../build/function-builder.js";
import type { StorageTable } from "../../build/storage-table.js";
import {
  codeOf,
  type DiagnosticName,
  type Filled,
  inWords,
  type ParametersOf,
  type ReportDetails,
} from "../../diagnostics/catalogue.js";
import type { Diagnostic, Span } from "../../diagnostics/diagnostic.js";
import { printDim, symbolsIn } from "../../ir/dim.js";
import type { AttributeValue, Location, Value } from "../../ir/module.js";
import type { OpName } from "../../ir/op-name.js";
import { printType } from "../../ir/print-type.js";
import { specOf } from "../../registry/index.js";
import { LIBRARY_PREFIX } from "../library.js";
import { isFunctionNode } from "../scopes.js";
import { ts } from "../typescript.js";
import { functionName, unfit } from "./captures.js";
import type { BoundSizes } from "./checked-cast.js";
import { evaluate, unwrapped } from "./expressions.js";
import type { FunctionSource, SourceTexts } from "./function-source.js";
import type { FunctionJumps, LoopJumps } from "./jumps.js";
import {
  dynamic,
  fixed,
  isTensor,
  list,
  type ModuleOperand,
  NOTHING,
  type Operand,
  record,
} from "./operand.js";
import { bindPattern } from "./patterns.js";
import { type Binding, Journal, Scope } from "./scope.js";
import { runBody } from "./statements.js";
import { called, remedyOf, subject } from "./words.js";

/** A user's mistake in a compiled function. Caught at the statement, so that the next statements are looked at too. */
export class Refusal extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.message);
  }
}

/** Something depends on a place that was refused already. */
export class AlreadyRefused extends Error {}

const MAX_DEPTH = 150;
const RECURSION = codeOf("recursion");

type Related = Diagnostic["related"];

/** An inlined call. */
interface Call {
  readonly location: Location | undefined;
  readonly source: FunctionSource;
  readonly sizes: BoundSizes;
}

export class Lowerer {
  /** Inlined calls around the current place, innermost last. */
  private readonly calls: Call[] = [];
  private readonly journals: Journal[] = [];
  private readonly functions: FunctionJumps[] = [];
  /** Whether layers behave as in training. */
  training: boolean;
  /** The images of the loader's streams, by name. */
  batch: Operand | undefined;
  private readonly streamsNotGiven = new WeakMap<Operand, string>();
  /** What the symbols in shapes stand for, and where. */
  readonly symbols = new Map<string, { readonly message: string; readonly span: Span }>();

  constructor(
    readonly builder: FunctionBuilder,
    readonly storages: StorageTable,
    readonly texts: SourceTexts,
    readonly report: (diagnostic: Diagnostic) => void,
    options: { training: boolean },
  ) {
    this.training = options.training;
  }

  /** The source of the function that is being lowered. */
  get source(): FunctionSource {
    return this.calls.at(-1)!.source;
  }

  /** The names of sizes that `as` has bound in the call that is being lowered. */
  get sizes(): BoundSizes {
    return this.calls.at(-1)!.sizes;
  }

  locate(node: ts.Node): Location {
    const { source } = this.calls.at(-1)!;
    return {
      path: source.path,
      start: node.getStart(),
      end: node.getEnd(),
      parent: this.calls.at(-1)!.location,
    };
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
  refuseAs(node: ts.Node, words: Filled, about: Related = []): never {
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
    const { code, severity, message, hint } = words;
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

  /** The jumps of the function whose body is being lowered. */
  get jumps(): FunctionJumps | undefined {
    return this.functions.at(-1);
  }

  inFunction<T>(jumps: FunctionJumps, body: () => T): T {
    this.functions.push(jumps);
    try {
      return body();
    } finally {
      this.functions.pop();
    }
  }

  inLoop<T>(loop: LoopJumps, body: (loop: LoopJumps) => T): T {
    const { loops } = this.jumps!;
    loops.push(loop);
    try {
      return body(loop);
    } finally {
      loops.pop();
    }
  }

  // ---- names

  resolve(node: ts.Identifier, scope: Scope): Operand {
    const binding = scope.find(node.text);
    const found = binding ? binding.current : scope.capture(node.text, node);
    if (found === undefined) this.refuse(node, "unknown-name", { name: node.text });
    if (found.kind === "poison") throw new AlreadyRefused();
    return found;
  }

  assign(binding: Binding, value: Operand): void {
    const journal = this.journals.at(-1);
    if (journal) journal.assign(binding, value);
    else binding.current = value;
  }

  /** Lowers a branch; what it assigned to variables outside is taken back and returned. */
  branch<T>(body: () => T): { result: T; assigned: Map<Binding, Operand> } {
    const journal = new Journal();
    this.journals.push(journal);
    try {
      const result = body();
      return { result, assigned: journal.takeBack() };
    } catch (error) {
      journal.takeBack();
      throw error;
    } finally {
      this.journals.pop();
    }
  }

  /** What stands for a stream that the loader does not give: nothing, and it is refused where an image is needed. */
  streamNotGiven(name: string): Operand {
    const nothing = fixed(undefined);
    this.streamsNotGiven.set(nothing, name);
    return nothing;
  }

  /** Refuses to go on with a stream that the loader does not give. */
  refuseStreamNotGiven(operand: Operand | undefined, node: ts.Node): void {
    const name = operand && this.streamsNotGiven.get(operand);
    if (name === undefined) return;
    const given = this.batch?.kind === "record" ? [...this.batch.fields.keys()] : [];
    this.refuse(node, "no-such-stream", { name, streams: given.join(", ") });
  }

  // ---- values

  /** A build-time value as an operand; modules remember where their parameters lie. */
  wrap(value: unknown): Operand {
    return moduleParts(value) ? this.moduleOperand(value as Module) : fixed(value);
  }

  private moduleOperand(module: Module): ModuleOperand {
    const twin = twinParts(module) ? (module as ModuleOperand["twin"]) : undefined;
    const rename = (twin && this.storages.renameFor(twin)) ?? ((name: string) => name);
    return { kind: "module", module, twin, rename };
  }

  /** What a function sees of its children or of the method's state. */
  bindChildren(children: ChildRecord, rename: (name: string) => string, node: ts.Node): Operand {
    const bind = (child: unknown): Operand => {
      if (isStored(child)) return this.storage(child, rename, node);
      const parts = moduleParts(child);
      if (parts) {
        const own = this.moduleOperand(child as Module);
        return own.twin ? own : { ...own, rename };
      }
      if (Array.isArray(child)) return list(child.map(bind));
      if (typeof child === "object" && child !== null)
        return record(Object.entries(child).map(([name, c]) => [name, bind(c)] as const));
      return fixed(child);
    };
    return bind(children);
  }

  private storage(stored: Stored, rename: (name: string) => string, node: ts.Node): Operand {
    const own = this.storages.nameOf(stored) ?? this.refuseStranger(node);
    const name = rename(own);
    const [value] = this.builder.emit("state", [], { name }, this.locate(node), [this.storages.typeOf(name)]);
    this.builder.rename(value!, name);
    return dynamic(value!);
  }

  /** Refuses a net, or a stored tensor, that the method's state does not hold. */
  refuseStranger(node: ts.Node): never {
    const at = ts.isCallExpression(node) ? node.expression : node;
    const name = called(at);
    const [, identifier] = /^`([\w$]+)`$/.exec(name) ?? [];
    return identifier === undefined
      ? this.refuse(at, "net-outside-state", { name })
      : this.refuse(at, "net-outside-state.named", { name: identifier });
  }

  /** A build-time number or boolean as a run-time scalar. */
  scalar(operand: Operand, node: ts.Node, integer = false): Value {
    if (operand.kind === "value" && operand.value.type.kind === "scalar") return operand.value;
    if (
      operand.kind === "static" &&
      (typeof operand.value === "number" || typeof operand.value === "boolean")
    ) {
      const whole = integer && Number.isSafeInteger(operand.value);
      return this.builder.constant(
        operand.value,
        this.locate(node),
        typeof operand.value === "boolean" ? "bool" : whole ? "i64" : "f64",
      );
    }
    return this.refuse(
      node,
      isTensor(operand) ? "wrong-kind.number-for-tensor" : "wrong-kind.number",
      subject(node, operand),
    );
  }

  emit(
    node: ts.Node,
    op: OpName,
    operands: readonly (Value | undefined)[],
    attributes: Record<string, AttributeValue | undefined> = {},
    /** Where an operand or an attribute is written. */
    written: (name: string) => ts.Node | undefined = () => undefined,
  ): readonly Value[] {
    const [into] = operands;
    // torch knows no list without tensors; writing to none is nothing.
    if (
      into?.type.kind === "group" &&
      specOf({ op }).effect === "write" &&
      this.storages.isEmpty(into.type.group)
    )
      return [];
    try {
      return this.builder.emit(op, operands, attributes, this.locate(node));
    } catch (error) {
      if (!(error instanceof OpRefusal)) throw error;
      const at = error.about === undefined ? undefined : written(error.about);
      // Of what was written in the call, where its tensors come from says nothing.
      const about = error.failure === "kind" || error.failure === "operand";
      const details = {
        hint: remedyOf(op, error),
        related: about ? [] : [...this.origins(error.operands, node), ...this.bindingsOf(error.operands)],
      };
      return error.failure === "statistics"
        ? this.refuse(at ?? node, "one-value-a-channel", { shape: shapeOf(error.operands[0]) }, details)
        : this.refuse(at ?? node, FAILURES[error.failure], wordsOf(error), details);
    }
  }

  /** What the sizes that are not numbers stand for. */
  private bindingsOf(operands: readonly (Value | undefined)[]): Related {
    const names = operands.flatMap((value) =>
      value?.type.kind === "tensor" ? symbolsIn(value.type.dims) : [],
    );
    return [...new Set(names)].flatMap((name) => this.symbols.get(name) ?? []);
  }

  /** Where the tensors that do not fit were made, for those that were not made at `node` itself. */
  private origins(operands: readonly (Value | undefined)[], node: ts.Node): Related {
    const here = this.span(node);
    return [...new Set(operands)].flatMap((value) => {
      const origin = value?.type.kind === "tensor" ? this.builder.makerOf(value)?.location : undefined;
      if (!value || !origin || this.builder.makerOf(value)?.op === "state") return [];
      const { path, start, end } = inUserCode(origin);
      const inside = path === here.path && start >= here.start && end <= here.end;
      const what = value.name === "" ? "a value" : `\`${value.name}\``;
      return inside
        ? []
        : [{ message: `${what} gets its shape ${printType(value.type)} here`, span: { path, start, end } }];
    });
  }

  // ---- functions

  /** Lowers the body of `source` with these arguments, as if it stood where it is called. */
  inline(
    source: FunctionSource,
    args: readonly Operand[],
    at: ts.Node | undefined,
    written?: { readonly scope: Scope | undefined; readonly sizes: BoundSizes },
    /** For a call whose result nobody asks for: what to do with a body that is an expression. */
    effect?: (lowerer: Lowerer, body: ts.Expression, scope: Scope) => void,
  ): Operand {
    const scope = written?.scope;
    if (this.calls.length > MAX_DEPTH) {
      const names = this.calls.map((c) => functionName(c.source.node) ?? "a function");
      const since = this.calls.findLastIndex((c) => c.source.node === source.node);
      const through = since < 0 ? [] : [...new Set(names.slice(since + 1))];
      const itself = functionName(source.node) ?? "this function";
      if (through.length === 0) this.refuse(at ?? source.node, "recursion", { function: itself });
      this.refuse(at ?? source.node, "recursion.through", { function: itself, others: through.join(", ") });
    }
    const location = at ? this.locate(at) : undefined;
    const name = functionName(source.node) ?? "this function";
    if (ts.getCombinedModifierFlags(source.node as ts.Declaration) & ts.ModifierFlags.Async)
      this.refuse(at ?? source.node, "async-function.async", { function: name });
    if ((source.node as ts.FunctionExpression).asteriskToken)
      this.refuse(at ?? source.node, "async-function.generator", { function: name });
    // A function within a function shares the names of sizes around it.
    const sizes: BoundSizes = written?.sizes ?? new Map();
    this.calls.push({ location, source, sizes });
    try {
      const inner = new Scope(scope, scope ? undefined : (name, node) => this.captured(source, name, node));
      if (ts.isFunctionExpression(source.node) && source.node.name)
        inner.declare(source.node.name.text, { kind: "closure", source, scope, sizes }, false, source.node);
      source.node.parameters.forEach((parameter, i) => {
        if (parameter.dotDotDotToken) {
          bindPattern(this, parameter.name, list(args.slice(i)), inner, false);
          return;
        }
        const given = args[i] ?? NOTHING;
        const missing = given.kind === "static" && given.value === undefined;
        const value = missing && parameter.initializer ? evaluate(this, parameter.initializer, inner) : given;
        bindPattern(this, parameter.name, value, inner, false);
      });
      const body = source.node.body!;
      // Defaults of parameters do not see what the body declares.
      if (ts.isBlock(body)) return runBody(this, body, new Scope(inner));
      if (!effect) return evaluate(this, body, inner);
      effect(this, unwrapped(body), inner);
      return NOTHING;
    } finally {
      this.calls.pop();
    }
  }

  /** Runs `work` with places counting as in `source`, for what is lowered around a function. */
  within<T>(source: FunctionSource, work: () => T): T {
    this.calls.push({ location: undefined, source, sizes: new Map() });
    try {
      return work();
    } finally {
      this.calls.pop();
    }
  }

  private captured(source: FunctionSource, name: string, node: ts.Node): Operand | undefined {
    const thunk = source.captures()[name];
    if (!thunk) return undefined;
    const problem = unfit(this.texts, source, name, thunk);
    if (problem) this.refuseAs(node, problem, problem.related);
    return this.wrap(thunk());
  }
}

/** The innermost place that is not in the library, if there is one. */
export function inUserCode(location: Location): Location {
  for (let at: Location | undefined = location; at; at = at.parent)
    if (!at.path.startsWith(LIBRARY_PREFIX)) return at;
  return location;
}

const FAILURES = {
  shape: "shape-mismatch",
  rank: "wrong-rank",
  dtype: "wrong-dtype",
  dim: "dimension-out-of-range",
  elements: "element-count",
  size: "bad-size",
  kind: "wrong-kind",
  operand: "wrong-argument",
  attribute: "wrong-argument",
} as const satisfies Record<Exclude<OpRefusal["failure"], "statistics">, DiagnosticName>;

const shapeOf = (value: Value | undefined): string =>
  value?.type.kind === "tensor" ? `[${value.type.dims.map(printDim).join(", ")}]` : "[]";

/** What a rule of an op says, "matmul: …", as parameters of a diagnostic. */
function wordsOf({ message }: OpRefusal): { op: string; problem: string } {
  const [op, ...problem] = message.split(": ");
  return { op: op!, problem: problem.join(": ") };
}

/** What is underlined of a node: of a statement its head, of a function, a class or an enum the name. */
function headOf(node: ts.Node): { start: number; end: number } {
  const start = node.getStart();
  const whole = (of: ts.Node) => ({ start: of.getStart(), end: of.getEnd() });
  const upTo = (body: ts.Node) => ({ start, end: body.pos });
  if (ts.isIfStatement(node)) return upTo(node.thenStatement);
  if (
    ts.isForStatement(node) ||
    ts.isForOfStatement(node) ||
    ts.isForInStatement(node) ||
    ts.isWhileStatement(node)
  )
    return upTo(node.statement);
  if (ts.isSwitchStatement(node)) return upTo(node.caseBlock);
  if (ts.isLabeledStatement(node)) return whole(node.label);
  if ((ts.isClassLike(node) || ts.isEnumDeclaration(node)) && node.name) return { start, end: node.name.end };
  if (isFunctionNode(node))
    return whole(node.name ?? (ts.isPropertyAssignment(node.parent) ? node.parent.name : node));
  const isVar = ts.isVariableDeclarationList(node) && !(node.flags & ts.NodeFlags.BlockScoped);
  if (isVar || ts.isTryStatement(node) || ts.isDoStatement(node) || ts.isClassLike(node))
    return whole(node.getFirstToken() ?? node);
  return whole(node);
}
