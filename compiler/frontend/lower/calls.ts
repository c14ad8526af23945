/** @file Calls: of ops, of modules, of functions (inlined), of build-time functions (called now). */

import { ExperimentError, INTRINSIC, moduleParts, twinParts } from "../../../dsl/index.js";
import { codeOf } from "../../diagnostics/catalogue.js";
import { LIBRARY_PREFIX } from "../library.js";
import { placesInStack } from "../load/stack.js";
import { ts } from "../typescript.js";
import { callNow, UNREPEATABLE } from "./call-now.js";
import { liveWithin, unfitWithin } from "./captures.js";
import { argumentChanged } from "./changes.js";
import { regionOf } from "./control.js";
import {
  ENDED,
  endsChain,
  evaluate,
  missingMember,
  refuseGlobals,
  unrepeatable,
  unwrapped,
} from "./expressions.js";
import { arrayFrom, askedOf, LIST_METHODS, refuseListChange } from "./list-methods.js";
import { iterate } from "./loops.js";
import { AlreadyRefused, type Lowerer, Refusal } from "./lowerer.js";
import { callOp, valueMethod } from "./op-calls.js";
import {
  dynamic,
  fixed,
  isStatic,
  list,
  type ModuleOperand,
  NOTHING,
  type Operand,
  record,
  staticValue,
} from "./operand.js";
import { mathCall } from "./operators.js";
import { fieldsOf, itemsOf, notSpread, refuseLive } from "./patterns.js";
import type { Scope } from "./scope.js";
import { called, describe, subject } from "./words.js";

export function call(lowerer: Lowerer, node: ts.CallExpression, scope: Scope): Operand {
  const callee = unwrapped(node.expression);
  if (ts.isPropertyAccessExpression(callee)) {
    refuseGlobals(lowerer, callee, scope);
    const receiver = evaluate(lowerer, callee.expression as ts.Expression, scope);
    const name = callee.name.text;
    const ended = endsChain(callee, receiver);
    if (ended) return ended;
    if (receiver.kind === "static" && (receiver.value === null || receiver.value === undefined))
      return missingMember(lowerer, callee.name, callee.expression, receiver, name);
    if (node.questionDotToken && isMissing(memberOf(receiver, name))) return ENDED;
    const args = argumentsOf(lowerer, node, scope);
    return settled(methodCall(lowerer, node, callee, receiver, args, scope));
  }
  const fn = evaluate(lowerer, callee as ts.Expression, scope);
  return endsChain(node, fn) ?? settled(callOperand(lowerer, node, fn, argumentsOf(lowerer, node, scope)));
}

/** A result that stands for something refused already is no value to go on with. */
function settled(result: Operand): Operand {
  if (result.kind === "poison") throw new AlreadyRefused();
  return result;
}

const isMissing = (value: unknown) => value === undefined || value === null;
/** A field that a call `record.field?.()` looks at; anything present for what has methods of its own. */
function memberOf(receiver: Operand, name: string): unknown {
  const field = receiver.kind === "record" ? receiver.fields.get(name) : undefined;
  if (receiver.kind === "record") return field?.kind === "static" ? field.value : field;
  return receiver.kind === "static" ? (receiver.value as Record<string, unknown>)[name] : receiver;
}

function argumentsOf(lowerer: Lowerer, node: ts.CallExpression, scope: Scope): Operand[] {
  return node.arguments.flatMap((argument) => {
    if (!ts.isSpreadElement(argument)) return [evaluate(lowerer, argument, scope)];
    const spread = evaluate(lowerer, argument.expression, scope);
    return itemsOf(lowerer, spread) ?? iterate(lowerer, spread) ?? notSpread(lowerer, argument, spread);
  });
}

function methodCall(
  lowerer: Lowerer,
  node: ts.CallExpression,
  callee: ts.PropertyAccessExpression,
  receiver: Operand,
  args: readonly Operand[],
  scope: Scope,
): Operand {
  const name = callee.name.text;
  if (receiver.kind === "value") return valueMethod(lowerer, node, callee, receiver.value, name, args);
  if (receiver.kind === "static" && receiver.value === Math && !args.every(isStatic))
    return mathCall(lowerer, node, name, args);
  if (receiver.kind === "static" && receiver.value === Object) {
    const merged = name === "assign" && node.arguments[0] && isFresh(node.arguments[0]);
    if (merged) {
      const parts = args.map((argument) => fieldsOf(lowerer, argument) ?? []);
      return record(parts.flatMap((part) => [...part]));
    }
    if (OBJECT_CHANGES.has(name))
      lowerer.refuse(node, "assignment-in-place.object-function", { function: name });
    const fields = args[0] && fieldsOf(lowerer, args[0]);
    if (fields && name === "values") return list([...fields.values()]);
    if (fields && name === "keys") return fixed([...fields.keys()]);
    if (fields && name === "entries")
      return list([...fields].map(([key, value]) => list([fixed(key), value])));
  }
  if (receiver.kind === "static" && receiver.value === Array && name === "from" && !args.every(isStatic)) {
    const from = arrayFrom(lowerer, node, args[0] ?? NOTHING);
    return list(args[1] ? askedOf(lowerer, node, from, args.slice(1)) : from);
  }
  refuseLive(lowerer, callee.expression, receiver);
  const items = itemsOf(lowerer, receiver);
  const fresh = isFresh(callee.expression);
  if (items && !fresh) refuseListChange(lowerer, callee, node.arguments, scope);
  if (items && Object.hasOwn(LIST_METHODS, name) && !(args.every(isStatic) && isStatic(receiver))) {
    if (receiver.kind === "static" && ArrayBuffer.isView(receiver.value) && name === "map")
      lowerer.refuse(callee.name, "unknown-method.typed-array", {});
    return LIST_METHODS[name]!(lowerer, node, items, args);
  }
  const known =
    receiver.kind === "static" || (items && isStatic(receiver)) ? staticValue(receiver) : undefined;
  if (known !== undefined) {
    const fn = (known as Record<string, unknown>)[name];
    return callOperand(lowerer, node, lowerer.wrap(fn), args, known);
  }
  const field = receiver.kind === "record" ? receiver.fields.get(name) : undefined;
  if (field) return callOperand(lowerer, node, field, args);
  if (items && Object.hasOwn(Array.prototype, name))
    return lowerer.refuse(callee.name, "unknown-method.list", {
      name,
      known: Object.keys(LIST_METHODS).join(", "),
    });
  const { kind } = receiver;
  return lowerer.refuse(
    callee.name,
    `unknown-method.${kind === "record" || kind === "module" ? kind : "other"}`,
    { ...subject(callee.expression, receiver), name },
  );
}

/** Whether an expression makes a list or a record that nobody else sees. */
function isFresh(node: ts.Expression): boolean {
  const inner = unwrapped(node);
  return (
    ts.isArrayLiteralExpression(inner) || ts.isObjectLiteralExpression(inner) || ts.isCallExpression(inner)
  );
}

const EARLY = codeOf("compiled-function-called-early");
const OBJECT_CHANGES = new Set(["assign", "defineProperty", "defineProperties", "setPrototypeOf"]);

const isList = (operand: Operand) =>
  typeof (isStatic(operand) ? staticValue(operand) : undefined) === "object";

/** `max`, of what `Math.max` is. */
const MATH_NAMES: ReadonlyMap<unknown, string> = new Map(
  Object.getOwnPropertyNames(Math).map((name) => [(Math as unknown as Record<string, unknown>)[name], name]),
);

/** Calls whatever an operand is. */
export function callOperand(
  lowerer: Lowerer,
  node: ts.CallExpression,
  fn: Operand,
  args: readonly Operand[],
  self?: unknown,
): Operand {
  if (fn.kind === "module") return callModule(lowerer, node, fn, args);
  if (fn.kind === "closure") return lowerer.inline(fn.source, args, node, fn);
  if (fn.kind !== "static" || typeof fn.value !== "function")
    return lowerer.refuse(
      node.expression,
      fn.kind === "value" || (fn.kind === "static" && typeof fn.value !== "object")
        ? "not-a-function.value"
        : "not-a-function",
      subject(node.expression, fn),
    );
  const math = args.every(isStatic) ? undefined : MATH_NAMES.get(fn.value);
  if (math !== undefined) return mathCall(lowerer, node, math, args);
  const constant = UNREPEATABLE.get(fn.value);
  if (constant !== undefined) unrepeatable(lowerer, node.expression, constant);
  const intrinsic = (fn.value as { [INTRINSIC]?: string })[INTRINSIC];
  if (intrinsic !== undefined) return callIntrinsic(lowerer, node, intrinsic, args);
  const source = lowerer.texts.functionOf(fn.value);
  if (args.every(isStatic)) {
    const unfit = [fn, ...args].flatMap((operand) => {
      const called = operand.kind === "static" ? lowerer.texts.functionOf(operand.value) : undefined;
      return (called && unfitWithin(lowerer.texts, called)) ?? [];
    })[0];
    for (const [i, argument] of args.entries())
      refuseLive(lowerer, node.arguments[i] ?? node, argument, liveWithin);
    const own = source && !source.path.startsWith(LIBRARY_PREFIX);
    const change = own ? argumentChanged(source.node, args.map(isList)) : undefined;
    if (change) lowerer.refuse(node, `assignment-in-place.${change}`, { function: called(node.expression) });
    try {
      const { result, asked } = callNow(() =>
        (fn.value as (...a: unknown[]) => unknown).apply(self, args.map(staticValue)),
      );
      if (unfit) lowerer.refuseAs(node.expression, unfit, unfit.related);
      if (asked !== undefined) unrepeatable(lowerer, node.expression, asked, source);
      return lowerer.wrap(result);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (!(error instanceof ExperimentError && error.code === EARLY && source)) {
        const threw = error instanceof Error ? error.message : String(error);
        const related = placesInStack(error, (path) => lowerer.texts.own(path))
          .slice(0, 3)
          .map((span, i) => ({ message: i === 0 ? "it threw here" : "called here", span }));
        return lowerer.refuse(node, "call-threw", { call: called(node), error: threw }, { related });
      }
    }
  }
  if (source) return lowerer.inline(source, args, node);
  const native = /\{\s*\[native code\]\s*\}$/.test(String(fn.value));
  const callee = called(node.expression);
  return lowerer.refuse(node.expression, `call-not-compiled.${native ? "native" : "not-loaded"}`, { callee });
}

function callModule(
  lowerer: Lowerer,
  node: ts.CallExpression,
  operand: ModuleOperand,
  args: readonly Operand[],
): Operand {
  const parts = moduleParts(operand.module)!;
  if (operand.twin && !lowerer.storages.renameFor(operand.twin)) lowerer.refuseStranger(node);
  const source =
    lowerer.texts.functionOf(parts.forward) ?? lowerer.refuse(node, "function-not-loaded.forward", {});
  for (const [i, argument] of args.entries())
    lowerer.refuseStreamNotGiven(argument, node.arguments[i] ?? node);
  const run = () =>
    lowerer.inline(source, [lowerer.bindChildren(parts.children, operand.rename, node), ...args], node);
  if (!operand.twin) return run();
  const training = lowerer.training;
  lowerer.training = training && twinParts(operand.twin)!.options.statistics === "batch";
  try {
    return regionOf(lowerer, node, "no_grad", run);
  } finally {
    lowerer.training = training;
  }
}

function callIntrinsic(
  lowerer: Lowerer,
  node: ts.CallExpression,
  name: string,
  args: readonly Operand[],
): Operand {
  const body = () => callOperand(lowerer, node, args[0] ?? NOTHING, []);
  switch (name) {
    case "training()":
      return fixed(lowerer.training);
    case "noGrad()":
      return regionOf(lowerer, node, "no_grad", body);
    case "remat()":
      return regionOf(lowerer, node, "remat", body);
    case "evaluating()": {
      const training = lowerer.training;
      lowerer.training = false;
      try {
        return body();
      } finally {
        lowerer.training = training;
      }
    }
    case "parametersOf()":
    case "buffersOf()": {
      const net = args[0];
      if (net?.kind !== "module")
        return lowerer.refuse(node.arguments[0] ?? node, "not-a-net", {
          function: name.replace("()", ""),
          operand: net ? describe(net) : "nothing",
        });
      const what = name === "parametersOf()" ? "parameters" : "buffers";
      const stranger = net.twin && !lowerer.storages.renameFor(net.twin);
      const group =
        (stranger ? undefined : lowerer.storages.group(net.module, net.rename, what)) ??
        lowerer.refuseStranger(node.arguments[0] ?? node);
      return dynamic(
        lowerer.builder.emit("group", [], { name: group.name }, lowerer.locate(node), [
          { kind: "group", group: group.layout },
        ])[0]!,
      );
    }
    default:
      return callOp(lowerer, node, name, args);
  }
}
