/**
 * @file The lowering of one compiled function: what is known now is computed, the rest becomes ops. Here is only what all its parts
 * share (variables, jumps, the way to the next node); which visitor has which syntax is said in `syntax/visitors.ts`.
 *
 *     TypeScript in                        IR out
 *     (x: Images) => net(x).mul(2 ** 3)    %y = … the ops of `net`
 *                                          %z = mul(%y, 8)
 */
import { type FunctionBuilder, OpRefusal } from "../../build/function-builder.js";
import type { StorageTable } from "../../build/storage-table.js";
import type { Diagnostic, Span } from "../../diagnostics/diagnostic.js";
import type { AttributeValue, Value } from "../../ir/module.js";
import type { OpName } from "../../ir/op-name.js";
import { specOf } from "../../registry/index.js";
import type { ts } from "../typescript.js";
import type { FunctionSource, SourceTexts } from "./function-source.js";
import { inline } from "./inlining.js";
import type { Lowering, RandomPoint, RowsTaken, WrittenIn } from "./lowering.js";
import { CallChain } from "./refusals/call-chain.js";
import { refuseOp } from "./refusals/op-refusals.js";
import { callOperand } from "./syntax/callables.js";
import { effect } from "./syntax/choices.js";
import { runList } from "./syntax/statements.js";
import { unsupportedExpression, unsupportedStatement } from "./syntax/unsupported.js";
import { EXPRESSIONS, STATEMENTS } from "./syntax/visitors.js";
import type { Completion, FunctionJumps, LoopJumps } from "./values/jump-marks.js";
import { type Binding, Journal, type Operand, type Scope } from "./values/operand.js";

export class Lowerer extends CallChain implements Lowering {
  private readonly journals: Journal[] = [];
  private readonly functions: FunctionJumps[] = [];
  training: boolean;
  batch: Operand | undefined;
  random: RandomPoint | undefined;
  readonly rows = new Map<string, RowsTaken>();
  readonly symbols = new Map<string, { readonly message: string; readonly span: Span }>();

  constructor(
    readonly builder: FunctionBuilder,
    readonly storages: StorageTable,
    readonly texts: SourceTexts,
    report: (diagnostic: Diagnostic) => void,
    options: { readonly training: boolean },
  ) {
    super(report);
    this.training = options.training;
  }

  evaluate(node: ts.Expression, scope: Scope): Operand {
    return (EXPRESSIONS[node.kind] ?? unsupportedExpression)(this, node, scope);
  }

  effect(node: ts.Expression, scope: Scope): void {
    effect(this, node, scope);
  }

  run(statements: readonly ts.Statement[], scope: Scope, tail = false): Completion {
    return runList(this, statements, scope, tail);
  }

  statement(node: ts.Statement, scope: Scope, tail: boolean): Completion {
    return (STATEMENTS[node.kind] ?? unsupportedStatement)(this, node, scope, tail);
  }

  call(node: ts.CallExpression, fn: Operand, args: readonly Operand[], self?: unknown): Operand {
    return callOperand(this, node, fn, args, self);
  }

  inline(
    source: FunctionSource,
    args: readonly Operand[],
    at: ts.Node | undefined,
    written?: WrittenIn,
    forEffect = false,
  ): Operand {
    return inline(this, source, args, at, written, forEffect);
  }

  emit(
    node: ts.Node,
    op: OpName,
    operands: readonly (Value | undefined)[],
    attributes: Record<string, AttributeValue | undefined> = {},
    written: (name: string) => ts.Node | undefined = () => undefined,
  ): readonly Value[] {
    const [into] = operands;
    const writes = into?.type.kind === "group" && specOf({ op }).effect === "write";
    // torch knows no list without tensors; writing to none is nothing.
    if (writes && this.storages.sizeOf((into.type as { group: string }).group) === 0) return [];
    const count = specOf({ op }).attributes.find(({ type }) => type === "count");
    if (count && into?.type.kind === "group")
      attributes = { ...attributes, [count.name]: this.storages.sizeOf(into.type.group) };
    try {
      return this.builder.emit(op, operands, attributes, this.locate(node));
    } catch (error) {
      if (!(error instanceof OpRefusal)) throw error;
      const at = error.about === undefined ? undefined : written(error.about);
      return refuseOp(this, node, op, error, at);
    }
  }

  assign(binding: Binding, value: Operand): void {
    const journal = this.journals.at(-1);
    if (journal) journal.assign(binding, value);
    else binding.current = value;
  }

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
}
