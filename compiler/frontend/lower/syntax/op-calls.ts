/**
 * @file Calls of ops: which argument is which operand or attribute, and where it is written.
 *
 *     TypeScript in                              IR out
 *     x.sum(1, { keepdim: true })                %y = sum(%x, dim = 1, keepdim = true)
 *     ops.cat([a, b], 0)                         %c = cat(%a, %b, dim = 0)
 */
import { kindWords } from "../../../build/function-builder.js";
import { type Dim, printDim, sameDim } from "../../../ir/dim.js";
import type { AttributeValue, Value } from "../../../ir/module.js";
import { OPS } from "../../../registry/index.js";
import { draws } from "../../../registry/ops/random.js";
import { insteadOfGroupMember, insteadOfTensorMember } from "../../from-pytorch.js";
import { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { asOneList, callForm } from "../refusals/op-forms.js";
import { refuseStreamNotGiven } from "../refusals/streams.js";
import { describe, shortly, subject, written } from "../refusals/words.js";
import { fieldsOf, itemsOf } from "../values/collections.js";
import { dynamic, fixed, isStatic, list, NOTHING, type Operand, staticValue } from "../values/operand.js";
import { scalar } from "../values/scalars.js";
import { checkedCast } from "./checked-cast.js";
import { numberList } from "./number-lists.js";
import { rowsOf } from "./rows-of.js";

/** Calls a method of a run-time value. */
export function valueMethod(
  lowering: Lowering,
  node: ts.CallExpression,
  callee: ts.PropertyAccessExpression,
  receiver: Value,
  name: string,
  args: readonly Operand[],
): Operand {
  if (name === "as") return checkedCast(lowering, node, receiver);
  if (name === "rows" && receiver.type.kind === "tensor") return rowsOf(lowering, node, receiver, args);
  const op = OPS.get(name);
  const kind = receiver.type.kind;
  if (!op?.method || (kind !== "scalar" && !op.operands[0]!.kinds.includes(kind))) {
    const asked = { x: shortly(callee.expression, "x"), args: node.arguments.map(written) };
    const instead = { tensor: insteadOfTensorMember, group: insteadOfGroupMember, scalar: () => undefined };
    const own = kind === "scalar" && Object.hasOwn(Number.prototype, name);
    if (own) return lowering.refuse(callee.name, "unknown-method.number", { name });
    return lowering.refuse(
      callee.name,
      kind === "scalar" ? "unknown-method.scalar" : "unknown-method",
      { ...subject(callee.expression, dynamic(receiver)), name },
      { hint: instead[kind](name, asked) },
    );
  }
  return callOp(lowering, node, name, [dynamic(receiver), ...args], 1);
}

/**
 * Distributes arguments over an op's operands and attributes: by position, then by name from a trailing record, which may stand
 * where operands are optional. Of the
 * arguments, the first `before` stand before the op's name: `x.add(y)`.
 */
export function callOp(
  lowering: Lowering,
  node: ts.CallExpression,
  name: string,
  args: readonly Operand[],
  before = 0,
): Operand {
  const spec = OPS.get(name)!;
  const places = new Map<string, ts.Node>();
  const open: { readonly at: ts.Node; readonly sizes: readonly Size[] }[] = [];
  const options = spec.attributes.filter(({ type }) => type !== "count");
  const slots = [...spec.operands, ...options];
  const operands: (Value | undefined)[] = [];
  const attributes: Record<string, AttributeValue | undefined> = {};
  const place = (position: number, argument: Operand, at: ts.Node): void => {
    const given = spec.order?.[position];
    const index = given === undefined ? position : slots.findIndex((slot) => slot.name === given);
    const operand = spec.operands[index];
    const slot = slots[index];
    if (slot) places.set(slot.name, at);
    if (operand?.variadic) {
      const items =
        itemsOf(lowering, argument) ??
        lowering.refuse(at, "wrong-argument.list", {
          op: name,
          operand: operand.name,
          given: describe(argument),
        });
      for (const [i, item] of items.entries())
        operands.push(operandOf(lowering, itemNode(at, i), name, operand, item, spec));
    } else if (operand) {
      operands[index] = operandOf(lowering, at, name, operand, argument, spec);
    } else {
      const attribute =
        slot ??
        lowering.refuse(
          at,
          "wrong-argument.too-many",
          { op: name, most: atMost(slots.length - before), given: args.length - before },
          { hint: listed ?? callForm(name) },
        );
      const sizes = TAKES_SIZES.has(name) ? sizesIn(lowering, argument) : undefined;
      if (sizes) open.push({ at, sizes });
      const known = sizes ? list(sizes.map((size) => (size.open ? fixed(-1) : size.operand))) : argument;
      const value = fixedAttribute(lowering, at, name, attribute.name, known);
      if (value !== undefined) attributes[attribute.name] = value;
    }
  };
  const needed = spec.operands.findLastIndex((operand) => !operand.optional) + 1;
  const argumentNode = writtenArguments(node, before);
  if (name === "tensor") {
    const { values, shape } = numberList(lowering, argumentNode(0), args[0] ?? NOTHING);
    args = [fixed(values), ...args.slice(1)];
    attributes.shape = shape;
  }
  const access = node.expression;
  const listed = ts.isPropertyAccessExpression(access)
    ? asOneList(name, shortly(access.expression, "x"), node.arguments.map(written))
    : undefined;
  for (const [i, argument] of args.entries()) {
    const named = i === args.length - 1 && i >= needed ? optionsOf(lowering, argument) : undefined;
    if (!named) {
      place(i, argument, argumentNode(i));
      continue;
    }
    for (const [key, value] of named) {
      const names = spec.order ?? slots.map((slot) => slot.name);
      const index = names.indexOf(key);
      const at = optionNode(argumentNode(i), key);
      if (index < 0) {
        const known = options.map((a) => a.name).join(", ");
        lowering.refuse(at, "wrong-option", { function: name, option: key, known });
      }
      place(index, value, at);
    }
  }
  if (name === "size") {
    const type = operands[0]?.type;
    const dim = attributes.dim;
    const size = type?.kind === "tensor" && typeof dim === "number" ? type.dims.at(dim) : undefined;
    if (typeof size === "number") return fixed(size);
  }
  if (draws(spec)) {
    const { random } = lowering;
    if (!random) return lowering.refuse(node, "random", { op: name });
    for (const point of ["seed", "step"] as const)
      operands[spec.operands.findIndex((operand) => operand.name === point)] = random[point];
    attributes.place = random.places++;
  }
  for (let i = 0; i < operands.length; i++) operands[i] ??= undefined;
  while (
    !spec.operands.some((o) => o.variadic) &&
    operands.length < spec.operands.length &&
    spec.operands[operands.length]!.optional
  )
    operands.push(undefined);
  const sized = name === "full" ? open.flatMap(({ sizes }) => sizes.flatMap(({ of = [] }) => of)) : [];
  const results = sized.length
    ? lowering.emit(
        node,
        "full_sized",
        sized.map(({ tensor }) => tensor),
        { ...attributes, dims: sized.map(({ dim }) => dim) },
        (slot) => places.get(slot),
      )
    : lowering.emit(node, spec.name, operands, attributes, (slot) => places.get(slot));
  for (const { at, sizes } of open) checkSizes(lowering, at, name, sizes, results[0]!);
  if (spec.results.length === 0) return NOTHING;
  const one = spec.results.length === 1 && spec.results[0] !== "*";
  return one ? dynamic(results[0]!) : list(results.map(dynamic));
}

/** Where the arguments of a call are written; the first `before` stand before the op's name. */
function writtenArguments(node: ts.CallExpression, before: number): (index: number) => ts.Node {
  const spread = node.arguments.some((argument) => ts.isSpreadElement(argument));
  const receiver = ts.isPropertyAccessExpression(node.expression) ? node.expression.expression : node;
  return (index) => (index < before ? receiver : spread ? node : (node.arguments[index - before] ?? node));
}

/** Where an item of a list of tensors is written. */
const itemNode = (list: ts.Node, index: number): ts.Node =>
  ts.isArrayLiteralExpression(list) && !list.elements.some(ts.isSpreadElement) ? list.elements[index]! : list;

/** Where an option is written in a record of options. */
function optionNode(options: ts.Node, name: string): ts.Node {
  if (!ts.isObjectLiteralExpression(options)) return options;
  return options.properties.find((p) => p.name && "text" in p.name && p.name.text === name) ?? options;
}

/** What takes a part whose place is not known now. */
const WHERE_LATE: Readonly<Record<string, string>> = {
  slice:
    "x.narrow(dim, start, length) begins where a run-time number says, and has a length that is known now",
  select: "x.narrow(dim, index, 1).squeeze(dim) is the slice that a run-time number says",
};

/** Ops whose list of sizes may hold `x.shape[0]` of a size that is not known now: -1 says which it is, and is checked. */
const TAKES_SIZES = new Set(["reshape", "expand", "full"]);

/** One of a list of sizes; `open`: the size that it is, where that is not known now. */
interface Size {
  readonly operand: Operand;
  readonly open: Dim | undefined;
  /** The tensor that it is a size of, and in which dimension. */
  readonly of?: { readonly tensor: Value; readonly dim: number };
}

/** The sizes of a list that holds some that are not known now. */
function sizesIn(lowering: Lowering, argument: Operand): readonly Size[] | undefined {
  if (argument.kind !== "list" || isStatic(argument)) return undefined;
  return argument.items.map((operand) => {
    const maker = operand.kind === "value" ? lowering.builder.makerOf(operand.value) : undefined;
    const tensor = maker?.op === "size" ? maker.operands[0] : undefined;
    if (tensor?.type.kind !== "tensor") return { operand, open: undefined };
    const dim = maker!.attributes.dim as number;
    return { operand, open: tensor.type.dims.at(dim), of: { tensor, dim } };
  });
}

/** A size that stood as -1 must have become the one that was written. */
function checkSizes(
  lowering: Lowering,
  at: ts.Node,
  op: string,
  sizes: readonly Size[],
  result: Value,
): void {
  const dims = result.type.kind === "tensor" ? result.type.dims : [];
  for (const [i, { open }] of sizes.entries())
    if (open !== undefined && !sameDim(open, dims[i]!))
      lowering.refuse(at, "element-count.size", {
        op,
        index: i,
        size: printDim(dims[i]!),
        written: printDim(open),
      });
}

const atMost = (n: number) => (n === 0 ? "no arguments" : `at most ${n} argument${n === 1 ? "" : "s"}`);

function optionsOf(lowering: Lowering, argument: Operand): ReadonlyMap<string, Operand> | undefined {
  if (argument.kind === "record") return argument.fields;
  if (
    argument.kind === "static" &&
    typeof argument.value === "object" &&
    argument.value !== null &&
    Object.getPrototypeOf(argument.value) === Object.prototype
  )
    return fieldsOf(lowering, argument);
  return undefined;
}

function operandOf(
  lowering: Lowering,
  node: ts.Node,
  op: string,
  { name, kinds }: { name: string; kinds: readonly string[] },
  argument: Operand,
  spec: { operands: readonly { kinds: readonly string[] }[] },
): Value | undefined {
  if (argument.kind === "value") {
    const real = argument.value.type.kind === "scalar" && argument.value.type.scalar === "f64";
    // Numbers of the plan are real; where only a whole one will do, it is cut as an index of an array is.
    const whole = real && kinds.includes("i64") && !kinds.includes("f64");
    return whole ? lowering.emit(node, "scalar_to_i64", [argument.value])[0]! : argument.value;
  }
  refuseStreamNotGiven(lowering, argument, node);
  if (argument.kind === "static" && (argument.value === null || argument.value === undefined))
    return undefined;
  const numeric =
    argument.kind === "static" && (typeof argument.value === "number" || typeof argument.value === "boolean");
  if (numeric && spec.operands.some((o) => o.kinds.includes("f64") || o.kinds.includes("i64")))
    return scalar(lowering, argument, node, true);
  return lowering.refuse(
    node,
    "wrong-argument.operand",
    { op, operand: name, wanted: kindWords(kinds), given: describe(argument) },
    { hint: callForm(op) },
  );
}

function fixedAttribute(
  lowering: Lowering,
  node: ts.Node,
  op: string,
  name: string,
  argument: Operand,
): AttributeValue | undefined {
  if (!isStatic(argument))
    return lowering.refuse(
      node,
      "attribute-not-fixed",
      { op, option: name, operand: describe(argument) },
      { hint: WHERE_LATE[op] },
    );
  const value = staticValue(argument);
  return value === null || value === undefined ? undefined : (value as AttributeValue);
}
