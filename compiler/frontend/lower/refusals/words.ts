/**
 * @file How refusals call things: an expression by its text, an operand by its kind and type.
 *
 *     in                               out
 *     net.features, a tensor           `net.features` is a tensor f32[48, 512]
 *     an expression of many lines      this is a list of 3
 */
import { printType } from "../../../ir/print-type.js";
import { ts } from "../../typescript.js";
import { unwrapped } from "../forms/expressions.js";
import type { Operand } from "../values/operand.js";

const isRecord = (value: object) => [Object.prototype, null].includes(Object.getPrototypeOf(value));

const SHOWN_FIELDS = 5;

const recordOf = (names: readonly string[]) =>
  names.length === 0
    ? "an empty record"
    : `a record { ${[...names.slice(0, SHOWN_FIELDS), ...(names.length > SHOWN_FIELDS ? ["…"] : [])].join(", ")} }`;

/** An operand in words, for messages. */
export function describe(operand: Operand): string {
  switch (operand.kind) {
    case "static":
      if (operand.value === null || operand.value === undefined) return String(operand.value);
      if (typeof operand.value === "function") return "a function";
      return typeof operand.value === "object"
        ? Array.isArray(operand.value)
          ? `a list of ${operand.value.length}`
          : isRecord(operand.value)
            ? recordOf(Object.keys(operand.value))
            : "an object"
        : typeof operand.value === "boolean"
          ? String(operand.value)
          : `the ${typeof operand.value} ${JSON.stringify(operand.value)}`;
    case "value":
      return operand.value.type.kind === "tensor"
        ? `a tensor ${printType(operand.value.type)}`
        : operand.value.type.kind === "group"
          ? "a group of tensors"
          : `a run-time ${operand.value.type.scalar === "bool" ? "boolean" : "number"}`;
    case "list":
      return `a list of ${operand.items.length}`;
    case "record":
      return recordOf([...operand.fields.keys()]);
    case "module":
      return "a module";
    case "closure":
      return "a function";
    case "hole":
    case "poison":
      return "nothing";
  }
}

/** What a message calls an expression: by its text, or `this` where that is long. */
export function called(node: ts.Node): string {
  const text = (ts.isExpression(node) ? unwrapped(node) : node).getText();
  return text.length <= 40 && !text.includes("\n") ? `\`${text}\`` : "this";
}

/** A name or a number as it is written, for code in hints; something else for what is longer. */
export function shortly(node: ts.Node | undefined, otherwise: string): string {
  const text = (node && ts.isExpression(node) ? unwrapped(node) : node)?.getText() ?? "";
  return /^[\w.$]+$/.test(text) ? text : otherwise;
}

const SHORT = 24;

/** An argument as hints repeat it. */
export function written(node: ts.Node): string {
  const text = node.getText();
  return text.length <= SHORT && !text.includes("\n") ? text : "…";
}

/** `x` is a tensor f32[4, 8]: an expression and what it stands for. */
export const said = (node: ts.Node, operand: Operand): string => `${called(node)} is ${describe(operand)}`;

/** The same as parameters of a diagnostic. */
export const subject = (node: ts.Node, operand: Operand) => ({
  expression: called(node),
  operand: describe(operand),
});

/** What is said of `x[0]`, `x` being a tensor, which [] does not index: TypeScript's types and the lowering say the same. */
export function indexed(node: ts.ElementAccessExpression, what: string): { message: string; hint: string } {
  const x = shortly(node.expression, "x");
  const at = /^-?\d+$/.test(node.argumentExpression.getText()) ? node.argumentExpression.getText() : "0";
  return {
    message: `${called(node.expression)} is ${what}, which [] cannot index`,
    hint: `${x}[${at}] is ${x}.select(0, ${at}), ${x}[a:b] is ${x}.slice(0, a, b), ${x}[tensor] is ${x}.index_select(tensor)`,
  };
}
