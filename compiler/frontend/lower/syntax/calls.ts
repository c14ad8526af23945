/**
 * @file Calls as they are written: the receiver, the arguments, methods of values, lists and records.
 *
 *     TypeScript in            IR out
 *     x.add(y)                 %z = add(%x, %y)
 *     list.map((t) => …)       the ops of the body, once for each item
 *     record.net(x)            what the field is called with: a module, a function
 */
import { ts } from "../../typescript.js";
import { isFresh, unwrapped } from "../forms/expressions.js";
import type { Lowering } from "../lowering.js";
import { missingMember, notSpread } from "../refusals/collections.js";
import { refuseLive } from "../refusals/live.js";
import { refuseGlobals } from "../refusals/once.js";
import { AlreadyRefused } from "../refusals/refusal.js";
import { subject } from "../refusals/words.js";
import { mathCall } from "../values/arithmetic.js";
import { fieldsOf, itemsOf, iterate } from "../values/collections.js";
import { wrapped } from "../values/modules.js";
import {
  fixed,
  isStatic,
  list,
  NOTHING,
  type Operand,
  record,
  type Scope,
  staticValue,
} from "../values/operand.js";
import { arrayFrom, askedOf, LIST_METHODS, refuseListChange } from "./list-methods.js";
import { valueMethod } from "./op-calls.js";
import { ENDED, endsChain } from "./optional-chains.js";

export function call(lowering: Lowering, node: ts.CallExpression, scope: Scope): Operand {
  const callee = unwrapped(node.expression);
  if (ts.isPropertyAccessExpression(callee)) {
    refuseGlobals(lowering, callee, scope);
    const receiver = lowering.evaluate(callee.expression as ts.Expression, scope);
    const name = callee.name.text;
    const ended = endsChain(callee, receiver);
    if (ended) return ended;
    if (receiver.kind === "static" && (receiver.value === null || receiver.value === undefined))
      return missingMember(lowering, callee.name, callee.expression, receiver, name);
    if (node.questionDotToken && isMissing(memberOf(receiver, name))) return ENDED;
    const args = argumentsOf(lowering, node, scope);
    return settled(methodCall(lowering, node, callee, receiver, args, scope));
  }
  const fn = lowering.evaluate(callee as ts.Expression, scope);
  return endsChain(node, fn) ?? settled(lowering.call(node, fn, argumentsOf(lowering, node, scope)));
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

function argumentsOf(lowering: Lowering, node: ts.CallExpression, scope: Scope): Operand[] {
  return node.arguments.flatMap((argument) => {
    if (!ts.isSpreadElement(argument)) return [lowering.evaluate(argument, scope)];
    const spread = lowering.evaluate(argument.expression, scope);
    return itemsOf(lowering, spread) ?? iterate(lowering, spread) ?? notSpread(lowering, argument, spread);
  });
}

function methodCall(
  lowering: Lowering,
  node: ts.CallExpression,
  callee: ts.PropertyAccessExpression,
  receiver: Operand,
  args: readonly Operand[],
  scope: Scope,
): Operand {
  const name = callee.name.text;
  if (receiver.kind === "value") return valueMethod(lowering, node, callee, receiver.value, name, args);
  if (receiver.kind === "static" && receiver.value === Math && !args.every(isStatic))
    return mathCall(lowering, node, name, args);
  if (receiver.kind === "static" && receiver.value === Object) {
    const merged = name === "assign" && node.arguments[0] && isFresh(node.arguments[0]);
    if (merged) {
      const parts = args.map((argument) => fieldsOf(lowering, argument) ?? []);
      return record(parts.flatMap((part) => [...part]));
    }
    if (OBJECT_CHANGES.has(name))
      lowering.refuse(node, "assignment-in-place.object-function", { function: name });
    const fields = args[0] && fieldsOf(lowering, args[0]);
    if (fields && name === "values") return list([...fields.values()]);
    if (fields && name === "keys") return fixed([...fields.keys()]);
    if (fields && name === "entries")
      return list([...fields].map(([key, value]) => list([fixed(key), value])));
  }
  if (receiver.kind === "static" && receiver.value === Array && name === "from" && !args.every(isStatic)) {
    const from = arrayFrom(lowering, node, args[0] ?? NOTHING);
    return list(args[1] ? askedOf(lowering, node, from, args.slice(1)) : from);
  }
  refuseLive(lowering, callee.expression, receiver);
  const items = itemsOf(lowering, receiver);
  const fresh = isFresh(callee.expression);
  if (items && !fresh) refuseListChange(lowering, callee, node.arguments, scope);
  if (items && Object.hasOwn(LIST_METHODS, name) && !(args.every(isStatic) && isStatic(receiver))) {
    if (receiver.kind === "static" && ArrayBuffer.isView(receiver.value) && name === "map")
      lowering.refuse(callee.name, "unknown-method.typed-array", {});
    return LIST_METHODS[name]!(lowering, node, items, args);
  }
  const known =
    receiver.kind === "static" || (items && isStatic(receiver)) ? staticValue(receiver) : undefined;
  if (known !== undefined) {
    const fn = (known as Record<string, unknown>)[name];
    return lowering.call(node, wrapped(lowering, fn), args, known);
  }
  const field = receiver.kind === "record" ? receiver.fields.get(name) : undefined;
  if (field) return lowering.call(node, field, args);
  if (items && Object.hasOwn(Array.prototype, name))
    return lowering.refuse(callee.name, "unknown-method.list", {
      name,
      known: Object.keys(LIST_METHODS).join(", "),
    });
  const { kind } = receiver;
  return lowering.refuse(
    callee.name,
    `unknown-method.${kind === "record" || kind === "module" ? kind : "other"}`,
    { ...subject(callee.expression, receiver), name },
  );
}

const OBJECT_CHANGES = new Set(["assign", "defineProperty", "defineProperties", "setPrototypeOf"]);
