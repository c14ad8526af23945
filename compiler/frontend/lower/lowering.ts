/**
 * @file What the parts of the lowering may ask. A visitor of a kind of syntax gets this and its node, and knows no other visitor:
 * what the syntax inside its node stands for, it asks here.
 *
 *     TypeScript in                              IR out
 *     lowering.evaluate(node.left, scope)        what the ops before it have made: a value, a number known now, a list, …
 *     lowering.emit(node, "add", [x, y])         %z = add(%x, %y)
 *     lowering.refuse(node, "loop-too-long", …)  a diagnostic at the node, with the calls that led to it
 */
import type { FunctionBuilder } from "../../build/function-builder.js";
import type { StorageTable } from "../../build/storage-table.js";
import type { Span } from "../../diagnostics/diagnostic.js";
import type { AttributeValue, Value } from "../../ir/module.js";
import type { OpName } from "../../ir/op-name.js";
import type { ts } from "../typescript.js";
import type { FunctionSource, SourceTexts } from "./function-source.js";
import type { CallChain } from "./refusals/call-chain.js";
import type { Completion, FunctionJumps, LoopJumps } from "./values/jump-marks.js";
import type { Binding, BoundSizes, Operand, Scope } from "./values/operand.js";

/** Where a function that is written in another one stands: the names and the names of sizes around it. */
export interface WrittenIn {
  readonly scope: Scope | undefined;
  readonly sizes: BoundSizes;
}

/** The inputs that random numbers are a function of, beside the place of each op that draws. */
export interface RandomPoint {
  readonly seed: Value;
  readonly step: Value;
  /** How many ops draw so far. */
  places: number;
}

/** Rows of a parameter that the step takes: their scratch, which they are, and the first place of each among them. */
export interface RowsTaken {
  readonly scratch: string;
  readonly index: Value;
  readonly first: Value;
}

/** Lowers one compiled function into `builder`. Places and refusals are those of the chain of inlined calls. */
export interface Lowering extends CallChain {
  readonly builder: FunctionBuilder;
  readonly storages: StorageTable;
  readonly texts: SourceTexts;
  /** Whether layers behave as in training. */
  training: boolean;
  /** The images of the loader's streams, by name. */
  batch: Operand | undefined;
  /** What random numbers are a function of; none in a function that has no plan. */
  random: RandomPoint | undefined;
  /** What the symbols in shapes stand for, and where. */
  readonly symbols: Map<string, { readonly message: string; readonly span: Span }>;

  /** By the parameter that rows are taken of. */
  readonly rows: Map<string, RowsTaken>;

  // ---- syntax

  /** What an expression stands for. */
  evaluate(node: ts.Expression, scope: Scope): Operand;
  /** An expression whose value is not used, only what it does. */
  effect(node: ts.Expression, scope: Scope): void;
  /** Statements in order. `tail`: nothing comes after them in the function. */
  run(statements: readonly ts.Statement[], scope: Scope, tail?: boolean): Completion;
  /** One statement, without what follows from its jumps. */
  statement(node: ts.Statement, scope: Scope, tail: boolean): Completion;
  /** Calls whatever an operand is; `self`: the object whose method it is. */
  call(node: ts.CallExpression, fn: Operand, args: readonly Operand[], self?: unknown): Operand;
  /** The body of `source` with these arguments, as if it stood where it is called. */
  inline(
    source: FunctionSource,
    args: readonly Operand[],
    at: ts.Node | undefined,
    written?: WrittenIn,
    /** The result of the call is not used. */
    forEffect?: boolean,
  ): Operand;

  // ---- ops

  /** Puts an op at a node; `written` finds where an operand or an attribute of it is written. */
  emit(
    node: ts.Node,
    op: OpName,
    operands: readonly (Value | undefined)[],
    attributes?: Record<string, AttributeValue | undefined>,
    written?: (name: string) => ts.Node | undefined,
  ): readonly Value[];

  // ---- variables and jumps

  assign(binding: Binding, value: Operand): void;
  /** Lowers a branch; what it assigned to variables outside is taken back and returned. */
  branch<T>(body: () => T): { result: T; assigned: Map<Binding, Operand> };
  /** The jumps of the function whose body is being lowered. */
  readonly jumps: FunctionJumps | undefined;
  inFunction<T>(jumps: FunctionJumps, body: () => T): T;
  inLoop<T>(loop: LoopJumps, body: (loop: LoopJumps) => T): T;
}
