/** @file Expressions: literals, names, members, choices, functions. Operators and calls have files of their own. */

import type { PlainName } from "../../diagnostics/catalogue.js";
import { insteadOfTensorMember } from "../from-pytorch.js";
import { isFunctionNode } from "../scopes.js";
import { ts } from "../typescript.js";
import { call } from "./calls.js";
import { functionName } from "./captures.js";
import { choose, type ShortCircuit, shortCircuit } from "./control.js";
import type { FunctionSource } from "./function-source.js";
import { iterate } from "./loops.js";
import { AlreadyRefused, type Lowerer } from "./lowerer.js";
import { dynamic, fixed, isStatic, list, type Operand, record, staticValue } from "./operand.js";
import { applyBinary, applyUnary, COMPOUND } from "./operators.js";
import { fieldOf, fieldsOf, itemsOf, notSpread, refuseLive } from "./patterns.js";
import type { Scope } from "./scope.js";
import { assignTo, refuseCaptured } from "./statements.js";
import { describe, indexed, shortly, subject } from "./words.js";

const GLOBALS: Readonly<Record<string, unknown>> = { Math, Number, Object, Array, Infinity, NaN, undefined };
const K = ts.SyntaxKind;

/** An expression without the parentheses and type assertions around it. */
export function unwrapped(node: ts.Expression): ts.Expression {
  const wraps =
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isTypeAssertionExpression(node);
  return wraps ? unwrapped(node.expression) : node;
}

/** What an expression stands for. */
export function evaluate(lowerer: Lowerer, node: ts.Expression, scope: Scope): Operand {
  switch (node.kind) {
    case K.NumericLiteral:
      return fixed(Number((node as ts.NumericLiteral).text.replaceAll("_", "")));
    case K.StringLiteral:
    case K.NoSubstitutionTemplateLiteral:
      return fixed((node as ts.StringLiteral).text);
    case K.TrueKeyword:
      return fixed(true);
    case K.FalseKeyword:
      return fixed(false);
    case K.NullKeyword:
      return fixed(null);
    case K.ParenthesizedExpression:
    case K.AsExpression:
    case K.SatisfiesExpression:
    case K.NonNullExpression:
    case K.TypeAssertionExpression:
      return evaluate(lowerer, unwrapped(node), scope);
    case K.Identifier:
      return name(lowerer, node as ts.Identifier, scope);
    case K.PropertyAccessExpression:
      return property(lowerer, node as ts.PropertyAccessExpression, scope);
    case K.ElementAccessExpression:
      return element(lowerer, node as ts.ElementAccessExpression, scope);
    case K.CallExpression:
      return call(lowerer, node as ts.CallExpression, scope);
    case K.ArrayLiteralExpression:
      return arrayLiteral(lowerer, node as ts.ArrayLiteralExpression, scope);
    case K.ObjectLiteralExpression:
      return objectLiteral(lowerer, node as ts.ObjectLiteralExpression, scope);
    case K.TemplateExpression:
      return template(lowerer, node as ts.TemplateExpression, scope);
    case K.ConditionalExpression:
      return choose(lowerer, node as ts.ConditionalExpression, scope);
    case K.BinaryExpression:
      return binary(lowerer, node as ts.BinaryExpression, scope);
    case K.PrefixUnaryExpression:
    case K.PostfixUnaryExpression:
      return unary(lowerer, node as ts.PrefixUnaryExpression | ts.PostfixUnaryExpression, scope);
    case K.ArrowFunction:
    case K.FunctionExpression:
      return closure(lowerer, node as ts.ArrowFunction, scope);
    case K.VoidExpression:
      evaluate(lowerer, (node as ts.VoidExpression).expression, scope);
      return fixed(undefined);
    default:
      return unsupported(lowerer, node, scope);
  }
}

const UNSUPPORTED: Partial<Record<ts.SyntaxKind, PlainName>> = {
  [K.AwaitExpression]: "async-function.await",
  [K.YieldExpression]: "async-function.yield",
  [K.NewExpression]: "new-expression",
  [K.ThisKeyword]: "this-expression",
  [K.RegularExpressionLiteral]: "regular-expression",
  [K.BigIntLiteral]: "unsupported-syntax.bigint",
  [K.ImportKeyword]: "unsupported-syntax.import",
  [K.MetaProperty]: "unsupported-syntax.meta",
  [K.ClassExpression]: "class-declaration",
  [K.DeleteExpression]: "delete-expression",
  [K.TaggedTemplateExpression]: "tagged-template",
  [K.TypeOfExpression]: "typeof-expression",
};

function unsupported(lowerer: Lowerer, node: ts.Expression, scope: Scope): never {
  if (ts.isNewExpression(node) && isGlobal(node.expression, "Date", scope))
    unrepeatable(lowerer, node, "new Date");
  if (
    ts.isNewExpression(node) &&
    ts.isIdentifier(node.expression) &&
    scope.find(node.expression.text)?.current.kind === "poison"
  )
    throw new AlreadyRefused();
  return lowerer.refuse(node, UNSUPPORTED[node.kind] ?? "unsupported-syntax.expression", {});
}

function name(lowerer: Lowerer, node: ts.Identifier, scope: Scope): Operand {
  if (Object.hasOwn(GLOBALS, node.text) && !scope.find(node.text)) {
    const captured = scope.capture(node.text, node);
    return captured ?? fixed(GLOBALS[node.text]);
  }
  return lowerer.resolve(node, scope);
}

/** What a chain of `?.` gives once something in it is missing: the rest of the chain is not looked at. */
export const ENDED = fixed(undefined);

/** Whether `?.` in `node` ends its chain here, `target` being what stands before it. */
export function endsChain(
  node: ts.Expression & { questionDotToken?: ts.Node },
  target: Operand,
): Operand | undefined {
  if (target === ENDED && node.flags & ts.NodeFlags.OptionalChain) return ENDED;
  const missing = target.kind === "static" && (target.value === undefined || target.value === null);
  return missing && node.questionDotToken ? ENDED : undefined;
}

/** Whether an expression is JavaScript's global of this name. */
export const isGlobal = (node: ts.Expression, name: string, scope: Scope): boolean =>
  ts.isIdentifier(node) && node.text === name && !scope.find(name) && scope.capture(name, node) === undefined;

/** Refuses what gives something else at every call. */
export function unrepeatable(lowerer: Lowerer, node: ts.Node, what: string, within?: FunctionSource): never {
  if (what.startsWith("console.")) refuseConsole(lowerer, node, what);
  const use = within && findText(within.node, what);
  const span = use && { path: within.path, start: use.getStart(), end: use.end };
  const asks = span && { message: `${functionName(within.node) ?? "the function"} asks for it here`, span };
  return lowerer.refuse(
    node,
    what === "Math.random" ? "unrepeatable-call.random" : "unrepeatable-call",
    { call: what },
    { related: asks ? [asks] : [] },
  );
}

/** The first expression in a function that is written so. */
const findText = (node: ts.Node, text: string): ts.Node | undefined =>
  node.getText() === text ? node : ts.forEachChild(node, (child) => findText(child, text));

const refuseConsole = (lowerer: Lowerer, node: ts.Node, what: string): never =>
  lowerer.refuse(node, "console-call", { call: what });

/** Refuses globals that mean something only in Node. */
export function refuseGlobals(lowerer: Lowerer, node: ts.PropertyAccessExpression, scope: Scope): void {
  const { expression, name } = node;
  if (isGlobal(expression, "Date", scope)) unrepeatable(lowerer, node, `Date.${name.text}`);
  if (isGlobal(expression, "console", scope)) refuseConsole(lowerer, node, `console.${name.text}`);
}

function property(lowerer: Lowerer, node: ts.PropertyAccessExpression, scope: Scope): Operand {
  refuseGlobals(lowerer, node, scope);
  const target = evaluate(lowerer, node.expression, scope);
  const key = node.name.text;
  const ended = endsChain(node, target);
  if (ended) return ended;
  if (target.kind === "static" && target.value === Math && key === "random")
    unrepeatable(lowerer, node, "Math.random");
  if (target.kind === "value" && target.value.type.kind === "tensor") {
    if (key === "shape")
      return list(
        target.value.type.dims.map((d, i) =>
          typeof d === "number"
            ? fixed(d)
            : dynamic(lowerer.emit(node, "size", [target.value], { dim: i })[0]!),
        ),
      );
    if (key === "dtype") return fixed(target.value.type.dtype);
    return lowerer.refuse(
      node.name,
      "unknown-method.field",
      { ...subject(node.expression, target), name: key },
      { hint: insteadOfTensorMember(key, { x: shortly(node.expression, "x") }) },
    );
  }
  if (target.kind === "static" && (target.value === undefined || target.value === null)) {
    return missingMember(lowerer, node.name, node.expression, target, key);
  }
  refuseLive(lowerer, node.expression, target);
  return fieldOf(lowerer, target, key, node);
}

function element(lowerer: Lowerer, node: ts.ElementAccessExpression, scope: Scope): Operand {
  const target = evaluate(lowerer, node.expression, scope);
  const ended = endsChain(node, target);
  if (ended) return ended;
  const index = evaluate(lowerer, node.argumentExpression, scope);
  if (target.kind === "value") {
    const { hint } = indexed(node, describe(target));
    return lowerer.refuse(node, "index-of-tensor", subject(node.expression, target), { hint });
  }
  if (!isStatic(index))
    return lowerer.refuse(node.argumentExpression, "run-time-index.indexed", { operand: describe(index) });
  const key = staticValue(index);
  const items = typeof key === "number" ? itemsOf(lowerer, target) : undefined;
  if (items) return items[key as number] ?? fixed(undefined);
  if (target.kind === "static" && (target.value === undefined || target.value === null))
    return missingMember(lowerer, node.argumentExpression, node.expression, target, String(key));
  return fieldOf(lowerer, target, String(key), node);
}

function arrayLiteral(lowerer: Lowerer, node: ts.ArrayLiteralExpression, scope: Scope): Operand {
  const items = node.elements.flatMap((element) => {
    if (!ts.isSpreadElement(element)) return [evaluate(lowerer, element, scope)];
    const spread = evaluate(lowerer, element.expression, scope);
    return itemsOf(lowerer, spread) ?? iterate(lowerer, spread) ?? notSpread(lowerer, element, spread);
  });
  return items.every((item) => item.kind === "static")
    ? fixed(items.map((item) => (item as { value: unknown }).value))
    : list(items);
}

function objectLiteral(lowerer: Lowerer, node: ts.ObjectLiteralExpression, scope: Scope): Operand {
  const fields: (readonly [string, Operand])[] = [];
  for (const part of node.properties) {
    if (ts.isSpreadAssignment(part)) {
      const spread = evaluate(lowerer, part.expression, scope);
      // Of what is no object JavaScript spreads nothing: { ...(late && { weight }) }
      const nothing =
        spread.kind === "static" &&
        (typeof spread.value === "boolean" || spread.value === undefined || spread.value === null);
      if (!nothing) fields.push(...(fieldsOf(lowerer, spread) ?? notSpread(lowerer, part, spread)));
    } else if (ts.isShorthandPropertyAssignment(part)) {
      fields.push([part.name.text, name(lowerer, part.name, scope)]);
    } else if (
      ts.isPropertyAssignment(part) &&
      (ts.isIdentifier(part.name) || ts.isStringLiteral(part.name) || ts.isNumericLiteral(part.name))
    ) {
      fields.push([part.name.text, evaluate(lowerer, part.initializer, scope)]);
    } else {
      lowerer.refuse(part.name ?? part, refusedMember(part), {});
    }
  }
  for (const [key, value] of fields) if (value.kind === "value") lowerer.builder.rename(value.value, key);
  return fields.every(([, v]) => v.kind === "static")
    ? fixed(Object.fromEntries(fields.map(([k, v]) => [k, staticValue(v)])))
    : record(fields);
}

function refusedMember(part: ts.ObjectLiteralElementLike): PlainName {
  if (ts.isGetAccessor(part)) return "computed-member.getter";
  if (ts.isSetAccessor(part)) return "computed-member.setter";
  if (part.name && ts.isComputedPropertyName(part.name)) return "computed-member";
  return "computed-member.method";
}

function template(lowerer: Lowerer, node: ts.TemplateExpression, scope: Scope): Operand {
  const parts = node.templateSpans.map((span) => {
    const value = evaluate(lowerer, span.expression, scope);
    if (!isStatic(value)) refuseString(lowerer, span.expression, value);
    return String(staticValue(value)) + span.literal.text;
  });
  return fixed(node.head.text + parts.join(""));
}

/** Refuses a string that a run-time value would be part of. */
export const refuseString = (lowerer: Lowerer, node: ts.Node, value: Operand): never =>
  lowerer.refuse(node, "text-of-run-time-value", { operand: describe(value) });

function closure(lowerer: Lowerer, node: ts.ArrowFunction, scope: Scope): Operand {
  if (!isFunctionNode(node)) return unsupported(lowerer, node, scope);
  return {
    kind: "closure",
    source: { node, path: lowerer.source.path, captures: lowerer.source.captures },
    scope,
    sizes: lowerer.sizes,
  };
}

function binary(lowerer: Lowerer, node: ts.BinaryExpression, scope: Scope): Operand {
  const operator = node.operatorToken.kind;
  if (operator === K.EqualsToken) {
    const value = evaluate(lowerer, node.right, scope);
    assignTo(lowerer, node.left, value, scope);
    return value;
  }
  const logical = LOGICAL[operator];
  if (logical !== undefined) {
    refuseCaptured(lowerer, node.left, scope);
    const value = shortCircuit(lowerer, node, logical, scope);
    assignTo(lowerer, node.left, value, scope);
    return value;
  }
  const compound = COMPOUND[operator];
  if (compound !== undefined) {
    refuseCaptured(lowerer, node.left, scope);
    const value = applyBinary(
      lowerer,
      node,
      compound,
      evaluate(lowerer, node.left, scope),
      evaluate(lowerer, node.right, scope),
    );
    assignTo(lowerer, node.left, value, scope);
    return value;
  }
  if (
    operator === K.AmpersandAmpersandToken ||
    operator === K.BarBarToken ||
    operator === K.QuestionQuestionToken
  )
    return shortCircuit(lowerer, node, operator, scope);
  if (operator === K.CommaToken) {
    evaluate(lowerer, node.left, scope);
    return evaluate(lowerer, node.right, scope);
  }
  return applyBinary(
    lowerer,
    node,
    operator,
    evaluate(lowerer, node.left, scope),
    evaluate(lowerer, node.right, scope),
  );
}

/** Refuses a field or a method of null or undefined. */
export function missingMember(
  lowerer: Lowerer,
  at: ts.Node,
  owner: ts.Expression,
  missing: Operand,
  member: string,
): never {
  lowerer.refuseStreamNotGiven(missing, owner);
  return lowerer.refuse(at, "member-of-nothing", {
    expression: unwrapped(owner).getText(),
    value: describe(missing),
    member,
  });
}

const LOGICAL: Partial<Record<ts.SyntaxKind, ShortCircuit>> = {
  [K.AmpersandAmpersandEqualsToken]: K.AmpersandAmpersandToken,
  [K.BarBarEqualsToken]: K.BarBarToken,
  [K.QuestionQuestionEqualsToken]: K.QuestionQuestionToken,
};

function unary(
  lowerer: Lowerer,
  node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression,
  scope: Scope,
): Operand {
  if (node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken)
    refuseCaptured(lowerer, node.operand, scope);
  const value = evaluate(lowerer, node.operand, scope);
  if (node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken) {
    const next = applyBinary(
      lowerer,
      node,
      node.operator === K.PlusPlusToken ? K.PlusToken : K.MinusToken,
      value,
      fixed(1),
    );
    assignTo(lowerer, node.operand, next, scope);
    return ts.isPrefixUnaryExpression(node) ? next : value;
  }
  return applyUnary(lowerer, node, node.operator, value);
}
