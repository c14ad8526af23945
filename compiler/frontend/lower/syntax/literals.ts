/**
 * @file Lists, records, texts with `${…}`, and functions as values. They exist only while the program is built.
 *
 *     TypeScript in           IR out
 *     { loss, ...more }       nothing: a record of what the names stand for
 *     `block ${i}`            nothing: a text, if `i` is known now
 */
import type { PlainName } from "../../../diagnostics/catalogue.js";
import { isFunctionNode } from "../../scopes.js";
import { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { notSpread } from "../refusals/collections.js";
import { describe } from "../refusals/words.js";
import { fieldsOf, itemsOf, iterate } from "../values/collections.js";
import { fixed, isStatic, list, type Operand, record, type Scope, staticValue } from "../values/operand.js";
import { unsupportedExpression } from "./unsupported.js";

export function arrayLiteral(lowering: Lowering, node: ts.ArrayLiteralExpression, scope: Scope): Operand {
  const items = node.elements.flatMap((element) => {
    if (!ts.isSpreadElement(element)) return [lowering.evaluate(element, scope)];
    const spread = lowering.evaluate(element.expression, scope);
    return itemsOf(lowering, spread) ?? iterate(lowering, spread) ?? notSpread(lowering, element, spread);
  });
  return items.every((item) => item.kind === "static")
    ? fixed(items.map((item) => (item as { value: unknown }).value))
    : list(items);
}

export function objectLiteral(lowering: Lowering, node: ts.ObjectLiteralExpression, scope: Scope): Operand {
  const fields: (readonly [string, Operand])[] = [];
  for (const part of node.properties) {
    if (ts.isSpreadAssignment(part)) {
      const spread = lowering.evaluate(part.expression, scope);
      // Of what is no object JavaScript spreads nothing: { ...(late && { weight }) }
      const nothing =
        spread.kind === "static" &&
        (typeof spread.value === "boolean" || spread.value === undefined || spread.value === null);
      if (!nothing) fields.push(...(fieldsOf(lowering, spread) ?? notSpread(lowering, part, spread)));
    } else if (ts.isShorthandPropertyAssignment(part)) {
      fields.push([part.name.text, lowering.evaluate(part.name, scope)]);
    } else if (
      ts.isPropertyAssignment(part) &&
      (ts.isIdentifier(part.name) || ts.isStringLiteral(part.name) || ts.isNumericLiteral(part.name))
    ) {
      fields.push([part.name.text, lowering.evaluate(part.initializer, scope)]);
    } else {
      lowering.refuse(part.name ?? part, refusedMember(part), {});
    }
  }
  for (const [key, value] of fields) if (value.kind === "value") lowering.builder.rename(value.value, key);
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

export function template(lowering: Lowering, node: ts.TemplateExpression, scope: Scope): Operand {
  const parts = node.templateSpans.map((span) => {
    const value = lowering.evaluate(span.expression, scope);
    if (!isStatic(value))
      lowering.refuse(span.expression, "text-of-run-time-value", { operand: describe(value) });
    return String(staticValue(value)) + span.literal.text;
  });
  return fixed(node.head.text + parts.join(""));
}

export function closure(
  lowering: Lowering,
  node: ts.ArrowFunction | ts.FunctionExpression,
  scope: Scope,
): Operand {
  if (!isFunctionNode(node)) return unsupportedExpression(lowering, node, scope);
  return {
    kind: "closure",
    source: { node, path: lowering.source.path, captures: lowering.source.captures },
    scope,
    sizes: lowering.sizes,
  };
}
