/**
 * @file A call, by what is called: a module, a function of TypeScript, one of JavaScript's, an op.
 *
 *     TypeScript in               IR out
 *     half(x), of the file        the ops of its body, here
 *     size(3), all known now      nothing: it is called now, in Node, and its result is a constant
 *     Math.exp(plan.t)            %y = scalar_exp(%plan.t)
 */
import { ExperimentError, INTRINSIC } from "../../../../dsl/index.js";
import { asFilled, codeOf } from "../../../diagnostics/catalogue.js";
import { LIBRARY_PREFIX } from "../../library.js";
import { placesInStack } from "../../load/stack.js";
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { liveIn, unfitIn } from "../refusals/captures.js";
import { argumentChanged } from "../refusals/changes.js";
import { refuseLive } from "../refusals/live.js";
import { refuseUnrepeatable } from "../refusals/once.js";
import { Refusal } from "../refusals/refusal.js";
import { called, subject } from "../refusals/words.js";
import { mathCall } from "../values/arithmetic.js";
import { callNow, UNREPEATABLE } from "../values/call-now.js";
import { wrapped } from "../values/modules.js";
import { isStatic, type Operand, staticValue } from "../values/operand.js";
import { callIntrinsic, callModule } from "./intrinsics.js";

const EARLY = codeOf("compiled-function-called-early");

const isList = (operand: Operand) =>
  typeof (isStatic(operand) ? staticValue(operand) : undefined) === "object";

/** `max`, of what `Math.max` is. */
const MATH_NAMES: ReadonlyMap<unknown, string> = new Map(
  Object.getOwnPropertyNames(Math).map((name) => [(Math as unknown as Record<string, unknown>)[name], name]),
);

/** Calls whatever an operand is. */
export function callOperand(
  lowering: Lowering,
  node: ts.CallExpression,
  fn: Operand,
  args: readonly Operand[],
  self?: unknown,
): Operand {
  if (fn.kind === "module") return callModule(lowering, node, fn, args);
  if (fn.kind === "closure") return lowering.inline(fn.source, args, node, fn);
  if (fn.kind !== "static" || typeof fn.value !== "function")
    return lowering.refuse(
      node.expression,
      fn.kind === "value" || (fn.kind === "static" && typeof fn.value !== "object")
        ? "not-a-function.value"
        : "not-a-function",
      subject(node.expression, fn),
    );
  const math = args.every(isStatic) ? undefined : MATH_NAMES.get(fn.value);
  if (math !== undefined) return mathCall(lowering, node, math, args);
  const constant = UNREPEATABLE.get(fn.value);
  if (constant !== undefined) refuseUnrepeatable(lowering, node.expression, constant);
  const intrinsic = (fn.value as { [INTRINSIC]?: string })[INTRINSIC];
  if (intrinsic !== undefined) return callIntrinsic(lowering, node, intrinsic, args);
  const source = lowering.texts.functionOf(fn.value);
  if (args.every(isStatic)) {
    const unfit = [fn, ...args].flatMap((operand) => {
      const called = operand.kind === "static" ? lowering.texts.functionOf(operand.value) : undefined;
      return (called && unfitIn(lowering.texts, called)) ?? [];
    })[0];
    for (const [i, argument] of args.entries())
      refuseLive(lowering, node.arguments[i] ?? node, argument, liveIn);
    const own = source && !source.path.startsWith(LIBRARY_PREFIX);
    const change = own ? argumentChanged(source.node, args.map(isList)) : undefined;
    if (change) lowering.refuse(node, `assignment-in-place.${change}`, { function: called(node.expression) });
    try {
      const { result, asked } = callNow(() =>
        (fn.value as (...a: unknown[]) => unknown).apply(self, args.map(staticValue)),
      );
      if (unfit) lowering.refuseAs(node.expression, unfit, unfit.related);
      if (asked !== undefined) refuseUnrepeatable(lowering, node.expression, asked, source);
      return wrapped(lowering, result);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const ours = error instanceof ExperimentError ? error : undefined;
      if (ours && ours.code !== EARLY) return lowering.refuseAs(node, asFilled(ours));
      if (!(ours && source)) {
        const threw = error instanceof Error ? error.message : String(error);
        const related = placesInStack(error, (path) => lowering.texts.own(path))
          .slice(0, 3)
          .map((span, i) => ({ message: i === 0 ? "it threw here" : "called here", span }));
        return lowering.refuse(node, "call-threw", { call: called(node), error: threw }, { related });
      }
    }
  }
  if (source) return lowering.inline(source, args, node);
  const native = /\{\s*\[native code\]\s*\}$/.test(String(fn.value));
  const callee = called(node.expression);
  return lowering.refuse(node.expression, `call-not-compiled.${native ? "native" : "not-loaded"}`, {
    callee,
  });
}
