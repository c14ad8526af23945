/** @file How refusals are worded: what an expression is, what an op takes, what usually helps. */
import type { OpRefusal } from "../../build/function-builder.js";
import { type Dim, printDim, sameDim } from "../../ir/dim.js";
import type { Value } from "../../ir/module.js";
import { printType } from "../../ir/print-type.js";
import { OPS } from "../../registry/index.js";
import { ts } from "../typescript.js";
import { unwrapped } from "./expressions.js";
import type { Operand } from "./operand.js";

/** What usually helps, said before the types at hand. */
const REMEDIES: Readonly<Partial<Record<OpRefusal["failure"], string>>> = {
  shape: "change one of them with .transpose(0, 1), .unsqueeze(dim) or .reshape([…])",
  rank: ".unsqueeze(dim) adds a dimension; .squeeze(dim) and .flatten(1) take some away",
  dim: "dimensions count from 0, or from the end: -1 is the last",
  elements: "one size may be -1: it is computed from the others",
  size: "sizes are whole numbers; check what they are computed from",
  statistics:
    "give the step more images a stream: raise the loader's `identities` or `instances`; or use another norm here",
};

/** How an op is written: `x.add(other)`, `x.sum(dim?, { keepdim? })`, `ops.cat(tensors, dim?)`. */
export function callForm(op: string, asFunction = !OPS.get(op)?.method): string {
  const { operands, attributes, signature = "" } = OPS.get(op)!;
  const inRecord = (name: string) =>
    /\w+Options\b/.test(signature) || new RegExp(`\\{[^{}]*\\b${name}\\??:`).test(signature);
  const shown = (name: string, optional: boolean) => (optional ? `${name}?` : name);
  const ofAttribute = (a: (typeof attributes)[number]) => shown(a.name, "default" in a);
  const options = attributes.filter((a) => inRecord(a.name)).map(ofAttribute);
  const slots = [
    ...operands.map(({ name, optional }) => shown(name, optional === true)),
    ...attributes.filter((a) => !inRecord(a.name)).map(ofAttribute),
    ...(options.length ? [`{ ${options.join(", ")} }`] : []),
  ];
  const [own, given] = asFunction ? ["ops", slots] : ["x", slots.slice(1)];
  return `it is written ${own}.${op}(${given.join(", ")})`;
}

/** What was given one by one to an op that takes one list of them: `x.reshape(-1, 4)`. */
export function asOneList(op: string, x: string, args: readonly string[]): string | undefined {
  const [first] = OPS.get(op)?.attributes ?? [];
  const listed =
    first?.type === "ints" &&
    args.length > 1 &&
    args.every((a) => /^(?!true|false)(-?\d+|[\w.]+(\(\d*\))?)$/.test(a));
  return listed ? `write them as one list: ${x}.${op}([${args.join(", ")}])` : undefined;
}

/** What helps where an op refused its operands; `undefined` where the message says it. */
export function remedyOf(op: string, refusal: OpRefusal): string | undefined {
  if (refusal.failure === "kind" || refusal.failure === "operand") return callForm(op);
  const remedy = refusal.hint ?? fitting(op, refusal) ?? REMEDIES[refusal.failure];
  const tensors = [...new Set(refusal.operands)].filter((v) => v?.type.kind === "tensor");
  // What the message says of one tensor alone needs no second account.
  const shown = tensors.filter((v) => v!.name !== "").map((v) => `${v!.name}: ${printType(v!.type)}`);
  const here = shown.length && tensors.length > 1 ? `here ${shown.join(", ")}` : undefined;
  return [remedy, here].filter(Boolean).join("; ") || undefined;
}

/** What makes two tensors fit, where there is one obvious thing. */
function fitting(op: string, { failure, operands }: OpRefusal): string | undefined {
  if (failure !== "shape" || operands.length < 2) return undefined;
  const [x, y] = operands;
  if (x?.type.kind !== "tensor" || y?.type.kind !== "tensor") return undefined;
  const [a, b] = [x.type.dims, y.type.dims];
  const name = (v: Value, otherwise: string) => (/^[\w$]+$/.test(v.name) ? v.name : otherwise);
  const same = (u: Dim | undefined, v: Dim | undefined) =>
    u !== undefined && v !== undefined && sameDim(u, v);
  if (op === "matmul")
    return a.length === 2 && b.length === 2 && same(a[1], b[1])
      ? `transpose the second: ${name(x, "a")}.matmul(${name(y, "b")}.transpose(0, 1))`
      : undefined;
  // A value a row, against rows: x [N] with y [N, D].
  const row = (v: Value, dims: readonly Dim[], other: readonly Dim[]) =>
    dims.length === 1 && other.length === 2 && same(dims[0], other[0])
      ? `${name(v, "the first")} has a value for each row: .unsqueeze(1) makes it a column, [${printDim(dims[0]!)}, 1]`
      : undefined;
  return row(x, a, b) ?? row(y, b, a);
}

const isRecord = (value: object) => [Object.prototype, null].includes(Object.getPrototypeOf(value));
const SHOWN_FIELDS = 5;
const recordOf = (names: readonly string[]) =>
  names.length === 0
    ? "an empty record"
    : `a record { ${[...names.slice(0, SHOWN_FIELDS), ...(names.length > SHOWN_FIELDS ? ["…"] : [])].join(", ")} }`;

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
