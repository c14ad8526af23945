/**
 * @file A call of a function written in TypeScript: its body is lowered where the call stands.
 *
 *     TypeScript in                                       IR out
 *     const twice = (x) => x.add(x);  const y = twice(a)  %y = add(%a, %a)   at `x.add(x)`, from `twice(a)`
 */
import { ts } from "../typescript.js";
import { unwrapped } from "./forms/expressions.js";
import { functionName } from "./forms/places.js";
import type { FunctionSource } from "./function-source.js";
import type { Lowering, WrittenIn } from "./lowering.js";
import { unfit } from "./refusals/captures.js";
import { bindPattern } from "./syntax/patterns.js";
import { FunctionJumps } from "./values/jump-marks.js";
import { wrapped } from "./values/modules.js";
import { list, NOTHING, type Operand, Scope } from "./values/operand.js";

export function inline(
  lowering: Lowering,
  source: FunctionSource,
  args: readonly Operand[],
  at: ts.Node | undefined,
  written: WrittenIn | undefined,
  forEffect: boolean,
): Operand {
  const { node } = source;
  lowering.refuseEndless(source, at ?? node);
  refuseAsync(lowering, source, at ?? node);
  // A function within a function shares the names of sizes around it.
  const { scope, sizes } = written ?? { scope: undefined, sizes: new Map() };
  const body = (): Operand => {
    const inner = new Scope(scope, scope ? undefined : (name, use) => captured(lowering, source, name, use));
    if (ts.isFunctionExpression(node) && node.name)
      inner.declare(node.name.text, { kind: "closure", source, scope, sizes }, false, node);
    bindParameters(lowering, source, args, inner);
    // Defaults of parameters do not see what the body declares.
    if (ts.isBlock(node.body!)) return blockOf(lowering, node.body, new Scope(inner));
    if (!forEffect) return lowering.evaluate(node.body!, inner);
    lowering.effect(unwrapped(node.body!), inner);
    return NOTHING;
  };
  return lowering.inCall(source, body, at, sizes);
}

function refuseAsync(lowering: Lowering, { node }: FunctionSource, at: ts.Node): void {
  const name = functionName(node) ?? "this function";
  if (ts.getCombinedModifierFlags(node as ts.Declaration) & ts.ModifierFlags.Async)
    lowering.refuse(at, "async-function.async", { function: name });
  if ((node as ts.FunctionExpression).asteriskToken)
    lowering.refuse(at, "async-function.generator", { function: name });
}

function bindParameters(
  lowering: Lowering,
  { node }: FunctionSource,
  args: readonly Operand[],
  scope: Scope,
): void {
  for (const [i, { name, initializer, dotDotDotToken }] of node.parameters.entries()) {
    if (dotDotDotToken) {
      bindPattern(lowering, name, list(args.slice(i)), scope, false);
      continue;
    }
    const given = args[i] ?? NOTHING;
    const missing = given.kind === "static" && given.value === undefined;
    const value = missing && initializer ? lowering.evaluate(initializer, scope) : given;
    bindPattern(lowering, name, value, scope, false);
  }
}

/** A function's block; what it returns. */
function blockOf(lowering: Lowering, block: ts.Block, scope: Scope): Operand {
  return lowering.inFunction(new FunctionJumps(block), () => {
    const completion = lowering.run(block.statements, scope, true);
    return completion.kind === "return" ? completion.value : NOTHING;
  });
}

function captured(
  lowering: Lowering,
  source: FunctionSource,
  name: string,
  use: ts.Node,
): Operand | undefined {
  const thunk = source.captures()[name];
  if (!thunk) return undefined;
  const problem = unfit(lowering.texts, source, name, thunk);
  if (problem) lowering.refuseAs(use, problem, problem.related);
  return wrapped(lowering, thunk());
}
