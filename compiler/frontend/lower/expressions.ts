/** @file Expressions: literals, names, members, choices, functions. Operators and calls have files of their own. */
import { ts } from "ts-morph";
import { isFunctionNode } from "../scopes.js";
import { call } from "./calls.js";
import { choose, shortCircuit } from "./control.js";
import { describe, type Lowerer } from "./lowerer.js";
import { fixed, isStatic, list, type Operand, record, staticValue } from "./operand.js";
import { applyBinary, applyUnary } from "./operators.js";
import { fieldOf, fieldsOf, itemsOf } from "./patterns.js";
import type { Scope } from "./scope.js";
import { assignTo } from "./statements.js";

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
      return unsupported(lowerer, node);
  }
}

const UNSUPPORTED: Partial<Record<ts.SyntaxKind, readonly [code: string, what: string, hint: string]>> = {
  [K.AwaitExpression]: ["F2C1003", "`await`", "a compiled function runs on the device, start to end"],
  [K.YieldExpression]: ["F2C1003", "`yield`", "a compiled function runs on the device, start to end"],
  [K.NewExpression]: ["F2C1004", "`new`", "use records and tuples; build objects outside and capture them"],
  [K.ThisKeyword]: ["F2C1005", "`this`", "name the value: children and state are parameters"],
  [K.RegularExpressionLiteral]: [
    "F2C1006",
    "a regular expression",
    "compute it outside and capture the result",
  ],
  [K.ClassExpression]: ["F2C1007", "a class", "use functions and records"],
  [K.DeleteExpression]: ["F2C1008", "`delete`", "make a new record without the field"],
  [K.TaggedTemplateExpression]: ["F2C1009", "a tagged template", "call a function"],
  [K.TypeOfExpression]: [
    "F2C1010",
    "`typeof`",
    "types are known when the program is built; branch on a build-time option instead",
  ],
};

function unsupported(lowerer: Lowerer, node: ts.Expression): never {
  const [code, what, hint] = UNSUPPORTED[node.kind] ?? [
    "F2C1002",
    `this expression (${K[node.kind]})`,
    "docs/language.md lists what compiled functions may contain",
  ];
  return lowerer.refuse(node, code, `${what} cannot be compiled`, { hint });
}

function name(lowerer: Lowerer, node: ts.Identifier, scope: Scope): Operand {
  if (node.text in GLOBALS && !scope.find(node.text)) {
    const captured = scope.capture(node.text, node);
    return captured ?? fixed(GLOBALS[node.text]);
  }
  return lowerer.resolve(node, scope);
}

function property(lowerer: Lowerer, node: ts.PropertyAccessExpression, scope: Scope): Operand {
  const target = evaluate(lowerer, node.expression, scope);
  const key = node.name.text;
  if (
    node.questionDotToken &&
    target.kind === "static" &&
    (target.value === undefined || target.value === null)
  )
    return fixed(undefined);
  if (target.kind === "value" && target.value.type.kind === "tensor") {
    if (key === "shape")
      return list(target.value.type.dims.map((d) => (typeof d === "number" ? fixed(d) : fixed(-1))));
    if (key === "dtype") return fixed(target.value.type.dtype);
    return lowerer.refuse(node.name, "F2C1017", `a tensor has no field \`${key}\``, {
      hint: "docs/ops.md lists the methods of tensors; call them with ()",
    });
  }
  if (target.kind === "static" && (target.value === undefined || target.value === null)) {
    return lowerer.refuse(
      node,
      "F2C2003",
      `\`${node.expression.getText()}\` is ${String(target.value)} here, so it has no \`${key}\``,
    );
  }
  return fieldOf(lowerer, target, key, node);
}

function element(lowerer: Lowerer, node: ts.ElementAccessExpression, scope: Scope): Operand {
  const target = evaluate(lowerer, node.expression, scope);
  const index = evaluate(lowerer, node.argumentExpression, scope);
  if (target.kind === "value") {
    return lowerer.refuse(node, "F2C1018", `${describe(target)} is not indexed with []`, {
      hint: "use .select(dim, index), .slice(dim, start, end) or .index_select(index)",
    });
  }
  if (!isStatic(index)) {
    return lowerer.refuse(
      node.argumentExpression,
      "F2C1019",
      "a list is indexed with a value that is known only when the program runs",
      {
        hint: "stack the tensors and use .index_select, or unroll the choice with build-time values",
      },
    );
  }
  const key = staticValue(index);
  const items = typeof key === "number" ? itemsOf(target) : undefined;
  if (items) return items[key as number] ?? fixed(undefined);
  return fieldOf(lowerer, target, String(key), node);
}

function arrayLiteral(lowerer: Lowerer, node: ts.ArrayLiteralExpression, scope: Scope): Operand {
  const items = node.elements.flatMap((element) => {
    if (!ts.isSpreadElement(element)) return [evaluate(lowerer, element, scope)];
    const spread = evaluate(lowerer, element.expression, scope);
    return itemsOf(spread) ?? lowerer.refuse(element, "F2C1016", `${describe(spread)} cannot be spread`);
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
      fields.push(
        ...(fieldsOf(spread) ?? lowerer.refuse(part, "F2C1016", `${describe(spread)} cannot be spread`)),
      );
    } else if (ts.isShorthandPropertyAssignment(part)) {
      fields.push([part.name.text, name(lowerer, part.name, scope)]);
    } else if (
      ts.isPropertyAssignment(part) &&
      (ts.isIdentifier(part.name) || ts.isStringLiteral(part.name) || ts.isNumericLiteral(part.name))
    ) {
      fields.push([part.name.text, evaluate(lowerer, part.initializer, scope)]);
    } else {
      lowerer.refuse(part, "F2C1011", "getters, setters, methods and computed names cannot be compiled", {
        hint: "write `name: value`",
      });
    }
  }
  for (const [key, value] of fields) if (value.kind === "value") lowerer.builder.rename(value.value, key);
  return fields.every(([, v]) => v.kind === "static")
    ? fixed(Object.fromEntries(fields.map(([k, v]) => [k, staticValue(v)])))
    : record(fields);
}

function template(lowerer: Lowerer, node: ts.TemplateExpression, scope: Scope): Operand {
  const parts = node.templateSpans.map((span) => {
    const value = evaluate(lowerer, span.expression, scope);
    if (!isStatic(value))
      lowerer.refuse(span.expression, "F2C1012", "a text with a run-time value in it cannot be compiled", {
        hint: "only build-time values may stand in a template",
      });
    return String(staticValue(value)) + span.literal.text;
  });
  return fixed(node.head.text + parts.join(""));
}

function closure(lowerer: Lowerer, node: ts.ArrowFunction, scope: Scope): Operand {
  if (!isFunctionNode(node)) return unsupported(lowerer, node);
  return {
    kind: "closure",
    source: { node, path: lowerer.source.path, captures: lowerer.source.captures },
    scope,
  };
}

function binary(lowerer: Lowerer, node: ts.BinaryExpression, scope: Scope): Operand {
  const operator = node.operatorToken.kind;
  if (operator === K.EqualsToken) {
    const value = evaluate(lowerer, node.right, scope);
    assignTo(lowerer, node.left, value, scope);
    return value;
  }
  const compound = COMPOUND[operator];
  if (compound !== undefined) {
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
    return shortCircuit(lowerer, node, scope);
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

const COMPOUND: Partial<Record<ts.SyntaxKind, ts.SyntaxKind>> = {
  [K.PlusEqualsToken]: K.PlusToken,
  [K.MinusEqualsToken]: K.MinusToken,
  [K.AsteriskEqualsToken]: K.AsteriskToken,
  [K.SlashEqualsToken]: K.SlashToken,
  [K.PercentEqualsToken]: K.PercentToken,
  [K.AsteriskAsteriskEqualsToken]: K.AsteriskAsteriskToken,
};

function unary(
  lowerer: Lowerer,
  node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression,
  scope: Scope,
): Operand {
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
