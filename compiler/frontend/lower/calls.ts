/** @file Calls: of ops, of modules, of functions (inlined), of build-time functions (called now). */

import { ExperimentError, INTRINSIC, moduleParts, twinParts } from "../../../dsl/index.js";
import { kindWords } from "../../build/function-builder.js";
import { type Dim, printDim, sameDim } from "../../ir/dim.js";
import type { AttributeValue, Value } from "../../ir/module.js";
import { OPS } from "../../registry/index.js";
import { placesInStack } from "../stack.js";
import { ts } from "../typescript.js";
import { callNow, UNREPEATABLE } from "./call-now.js";
import { argumentChanged, liveWithin, unfitWithin } from "./captures.js";
import { checkedCast } from "./checked-cast.js";
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
import { iterate } from "./loops.js";
import { AlreadyRefused, called, callForm, describe, type Lowerer, Refusal, said } from "./lowerer.js";
import {
  dynamic,
  fixed,
  isStatic,
  list,
  type ModuleOperand,
  NOTHING,
  type Operand,
  staticValue,
} from "./operand.js";
import { mathCall } from "./operators.js";
import { fieldsOf, itemsOf, notSpread, refuseLive } from "./patterns.js";
import type { Scope } from "./scope.js";
import { effect } from "./statements.js";

export function call(lowerer: Lowerer, node: ts.CallExpression, scope: Scope): Operand {
  const callee = unwrapped(node.expression);
  if (ts.isPropertyAccessExpression(callee)) {
    refuseGlobals(lowerer, callee, scope);
    const receiver = evaluate(lowerer, callee.expression as ts.Expression, scope);
    const name = callee.name.text;
    const ended = endsChain(callee, receiver);
    if (ended) return ended;
    if (receiver.kind === "static" && (receiver.value === null || receiver.value === undefined))
      return missingMember(lowerer, callee.name, callee.expression, receiver.value, name);
    if (node.questionDotToken && isMissing(memberOf(receiver, name))) return ENDED;
    const args = argumentsOf(lowerer, node, scope);
    return settled(methodCall(lowerer, node, callee, receiver, name, args));
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
    return itemsOf(lowerer, spread) ?? notSpread(lowerer, argument, spread);
  });
}

function methodCall(
  lowerer: Lowerer,
  node: ts.CallExpression,
  callee: ts.PropertyAccessExpression,
  receiver: Operand,
  name: string,
  args: readonly Operand[],
): Operand {
  if (receiver.kind === "value") return valueMethod(lowerer, node, callee, receiver.value, name, args);
  if (receiver.kind === "static" && receiver.value === Math && !args.every(isStatic))
    return mathCall(lowerer, node, name, args);
  if (receiver.kind === "static" && receiver.value === Object) {
    if (OBJECT_CHANGES.has(name))
      refuseChange(lowerer, node, `Object.${name} would change its first argument`, NEW_RECORD);
    const fields = args[0] && fieldsOf(lowerer, args[0]);
    if (fields && name === "values") return list([...fields.values()]);
    if (fields && name === "keys") return fixed([...fields.keys()]);
    if (fields && name === "entries")
      return list([...fields].map(([key, value]) => list([fixed(key), value])));
  }
  if (
    receiver.kind === "static" &&
    receiver.value === Array &&
    name === "from" &&
    args[1]?.kind === "closure"
  )
    return list(askedOf(lowerer, node, arrayFrom(lowerer, args[0]!), args.slice(1)));
  refuseLive(lowerer, callee.expression, receiver);
  const items = itemsOf(lowerer, receiver);
  if (items && LIST_CHANGES.has(name))
    refuseChange(
      lowerer,
      callee.name,
      `.${name}() would change the list`,
      ADDS.has(name) ? NEW_LIST : NEW_ORDER,
    );
  if (items && Object.hasOwn(LIST_METHODS, name) && !(args.every(isStatic) && isStatic(receiver)))
    return LIST_METHODS[name]!(lowerer, node, items, args);
  const known =
    receiver.kind === "static" || (items && isStatic(receiver)) ? staticValue(receiver) : undefined;
  if (known !== undefined) {
    const fn = (known as Record<string, unknown>)[name];
    return callOperand(lowerer, node, lowerer.wrap(fn), args, known);
  }
  const field = receiver.kind === "record" ? receiver.fields.get(name) : undefined;
  if (field) return callOperand(lowerer, node, field, args);
  if (items && Object.hasOwn(Array.prototype, name))
    return lowerer.refuse(
      callee.name,
      "F2C1017",
      `a list that holds run-time values has no compiled method \`${name}\``,
      {
        hint: `it has ${Object.keys(LIST_METHODS).join(", ")}; write the rest with for..of and [...list, item]`,
      },
    );
  return lowerer.refuse(
    callee.name,
    "F2C1017",
    `${said(callee.expression, receiver)}, which has no method \`${name}\``,
    {
      hint:
        METHODS_OF[receiver.kind] ??
        "check the name; docs/language.md lists what compiled functions may contain",
    },
  );
}

const METHODS_OF: Partial<Record<Operand["kind"], string>> = {
  record: "check the name of the field: what is called must be a function or a module",
  module: "a module is called like a function: net(x)",
};

const LIST_CHANGES = new Set([
  ...["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"],
]);
const OBJECT_CHANGES = new Set(["assign", "defineProperty", "defineProperties", "setPrototypeOf"]);

const ADDS = new Set(["push", "unshift"]);
const NEW_RECORD = "make a new record: { ...old, name: value }";
const NEW_LIST = "make a new list: [...old, item]";
const NEW_ORDER =
  "make a new list with [...], .slice(…) or .map(…), or prepare it outside the compiled function";

const refuseChange = (lowerer: Lowerer, node: ts.Node, what: string, hint: string): never =>
  lowerer.refuse(node, "F2C1030", `${what}: values in a compiled function do not change in place`, { hint });

type ListMethod = (
  lowerer: Lowerer,
  node: ts.CallExpression,
  items: readonly Operand[],
  args: readonly Operand[],
) => Operand;
const LIST_METHODS: Readonly<Record<string, ListMethod>> = {
  map: (lowerer, node, items, args) => list(askedOf(lowerer, node, items, args)),
  flatMap: (lowerer, node, items, args) =>
    list(askedOf(lowerer, node, items, args).flatMap((made) => itemsOf(lowerer, made) ?? [made])),
  forEach: (lowerer, node, items, [fn]) => {
    for (const [i, item] of items.entries()) {
      const given = [item, fixed(i), list(items)];
      // Nobody asks what it gives.
      if (fn?.kind === "closure") lowerer.inline(fn.source, given, node, fn, effect);
      else callOperand(lowerer, node, fn ?? NOTHING, given);
    }
    return NOTHING;
  },
  filter: (lowerer, node, items, args) => {
    const kept = decidedOf(lowerer, node, items, args);
    return list(items.filter((_, i) => kept[i]));
  },
  some: (lowerer, node, items, args) => fixed(decidedOf(lowerer, node, items, args, true).includes(true)),
  every: (lowerer, node, items, args) => fixed(!decidedOf(lowerer, node, items, args, false).includes(false)),
  find: (lowerer, node, items, args) =>
    items[decidedOf(lowerer, node, items, args, true).indexOf(true)] ?? NOTHING,
  findIndex: (lowerer, node, items, args) => fixed(decidedOf(lowerer, node, items, args, true).indexOf(true)),
  at: (lowerer, node, items, [index = fixed(0)]) => {
    if (!isStatic(index))
      lowerer.refuse(node.arguments[0]!, "F2C1019", `a list is indexed with ${describe(index)}`, {
        hint: CHOOSE,
      });
    return items.at(staticValue(index) as number) ?? NOTHING;
  },
  reduce: (lowerer, node, items, [fn, initial]) => {
    const rest = initial === undefined ? items.slice(1) : items;
    const first =
      initial ??
      items[0] ??
      lowerer.refuse(node.expression, "F2C1016", "an empty list cannot be reduced without a first value", {
        hint: "give reduce a second argument, the value to start from",
      });
    return rest.reduce(
      (sum, item, i) =>
        callOperand(lowerer, node, fn ?? NOTHING, [
          sum,
          item,
          fixed(i + items.length - rest.length),
          list(items),
        ]),
      first,
    );
  },
  slice: (lowerer, node, items, args) => {
    const late = args.findIndex((argument) => !isStatic(argument));
    if (late >= 0) {
      const at = node.arguments[late] ?? node;
      lowerer.refuse(at, "F2C1019", `a list is cut at ${describe(args[late]!)}`, {
        hint: "cut it where the program is built, or choose with if: if (plan.n === 1) … else …",
      });
    }
    return list(items.slice(...(args.map(staticValue) as [number, number])));
  },
  concat: (lowerer, _node, items, args) =>
    list([...items, ...args.flatMap((a) => itemsOf(lowerer, a) ?? [a])]),
};

const CHOOSE = "choose with if: if (plan.n === 0) … else …";

/** The items of what `Array.from` is given: something to loop over, or { length: n }. */
function arrayFrom(lowerer: Lowerer, from: Operand): readonly Operand[] {
  const items = itemsOf(lowerer, from) ?? iterate(lowerer, from);
  if (items) return items;
  const length = fieldsOf(lowerer, from)?.get("length");
  return length?.kind === "static" ? Array.from({ length: Number(length.value) }, () => NOTHING) : [];
}

/** What a function gives for each item of a list. */
const askedOf = (
  lowerer: Lowerer,
  node: ts.CallExpression,
  items: readonly Operand[],
  [fn = NOTHING]: readonly Operand[],
): readonly Operand[] =>
  items.map((item, i) => callOperand(lowerer, node, fn, [item, fixed(i), list(items)]));

/** The same for a function that decides, which has to be known now; `last`: after this answer no other is asked for. */
function decidedOf(
  lowerer: Lowerer,
  node: ts.CallExpression,
  items: readonly Operand[],
  [fn = NOTHING]: readonly Operand[],
  last?: boolean,
): readonly boolean[] {
  const answers: boolean[] = [];
  for (const [i, item] of items.entries()) {
    const answer = callOperand(lowerer, node, fn, [item, fixed(i), list(items)]);
    if (answer.kind === "value")
      lowerer.refuse(node.arguments[0] ?? node, "F2C1019", `a list is chosen from by ${describe(answer)}`, {
        hint: CHOOSE,
      });
    answers.push(!isStatic(answer) || Boolean(staticValue(answer)));
    if (answers.at(-1) === last) break;
  }
  return answers;
}

function valueMethod(
  lowerer: Lowerer,
  node: ts.CallExpression,
  callee: ts.PropertyAccessExpression,
  receiver: Value,
  name: string,
  args: readonly Operand[],
): Operand {
  if (name === "as") return checkedCast(lowerer, node, receiver);
  const op = OPS.get(name);
  const kind = receiver.type.kind;
  if (!op?.method || (kind !== "scalar" && !op.operands[0]!.kinds.includes(kind))) {
    const near = kind === "tensor" ? nearest(name) : undefined;
    const own = kind === "scalar" && Object.hasOwn(Number.prototype, name);
    return lowerer.refuse(
      callee.name,
      "F2C1017",
      own
        ? `a run-time number has no compiled method \`${name}\``
        : `${said(callee.expression, dynamic(receiver))}, which has no method \`${name}\``,
      {
        hint: near
          ? `did you mean .${near}()?`
          : kind === "scalar"
            ? "there are no strings on the device; numbers have operators and the functions of Math"
            : "docs/ops.md lists the methods of tensors",
      },
    );
  }
  return callOp(lowerer, node, name, [dynamic(receiver), ...args], 1);
}

const isList = (operand: Operand) =>
  typeof (isStatic(operand) ? staticValue(operand) : undefined) === "object";

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
    return lowerer.refuse(node.expression, "F2C1021", `${said(node.expression, fn)}, not a function`, {
      hint:
        fn.kind === "value" || (fn.kind === "static" && typeof fn.value !== "object")
          ? "leave out the (), or check the name"
          : "a module's child is called like a function, a list of modules is looped over; check the name",
    });
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
    const change = source && argumentChanged(source, args.map(isList));
    if (change) refuseChange(lowerer, node, `${called(node.expression)} would change its argument`, NEW_LIST);
    try {
      const { result, asked } = callNow(() =>
        (fn.value as (...a: unknown[]) => unknown).apply(self, args.map(staticValue)),
      );
      if (unfit) lowerer.refuse(node.expression, unfit.code, unfit.message, unfit);
      if (asked !== undefined) unrepeatable(lowerer, node.expression, asked, source);
      return lowerer.wrap(result);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (!(error instanceof ExperimentError && error.code === "F2C2101" && source)) {
        return lowerer.refuse(
          node,
          "F2C2004",
          `${called(node)} threw while the program was built: ${error instanceof Error ? error.message : String(error)}`,
          {
            related: placesInStack(error, (path) => lowerer.texts.own(path))
              .slice(0, 3)
              .map((span, i) => ({ message: i === 0 ? "it threw here" : "called here", span })),
            hint: "check its arguments: a call whose arguments are all known is made while the program is built, in Node",
          },
        );
      }
    }
  }
  if (source) return lowerer.inline(source, args, node);
  const native = /\{\s*\[native code\]\s*\}$/.test(String(fn.value));
  return lowerer.refuse(
    node.expression,
    "F2C2005",
    native
      ? `${called(node.expression)} of a run-time value cannot be compiled: it is JavaScript's own, and runs in Node only`
      : `${called(node.expression)} of a run-time value cannot be compiled: its TypeScript was not loaded`,
    {
      hint: native
        ? "call it in the plan, and pass the result as a value of the plan"
        : "write it in a TypeScript file that the experiment imports by a relative path, or call it in the plan, and pass the result",
    },
  );
}

function callModule(
  lowerer: Lowerer,
  node: ts.CallExpression,
  operand: ModuleOperand,
  args: readonly Operand[],
): Operand {
  const parts = moduleParts(operand.module)!;
  const source =
    lowerer.texts.functionOf(parts.forward) ??
    lowerer.refuse(
      node,
      "F2C2006",
      "the forward function of this module has no TypeScript source that could be compiled",
      { hint: "write it in the experiment, or in a file that it imports by a relative path" },
    );
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
        return lowerer.refuse(
          node.arguments[0] ?? node,
          "F2C2007",
          `${name.replace("()", "")} takes a net, got ${net ? describe(net) : "nothing"}`,
          { hint: "pass a net of the method's state, or a child of the module" },
        );
      const group = lowerer.storages.group(
        net.module,
        net.twin,
        name === "parametersOf()" ? "parameters" : "buffers",
      );
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

/**
 * Distributes arguments over an op's operands and attributes: by position, then by name from a trailing record. Of the
 * arguments, the first `before` stand before the op's name: `x.add(y)`.
 */
export function callOp(
  lowerer: Lowerer,
  node: ts.CallExpression,
  name: string,
  args: readonly Operand[],
  before = 0,
): Operand {
  const spec = OPS.get(name)!;
  const written = new Map<string, ts.Node>();
  const open: { readonly at: ts.Node; readonly sizes: readonly Size[] }[] = [];
  const slots = [...spec.operands, ...spec.attributes];
  const operands: (Value | undefined)[] = [];
  const attributes: Record<string, AttributeValue | undefined> = {};
  const place = (index: number, argument: Operand, at: ts.Node): void => {
    const operand = spec.operands[index];
    const slot = slots[index];
    if (slot) written.set(slot.name, at);
    if (operand?.variadic) {
      for (const item of itemsOf(lowerer, argument) ??
        lowerer.refuse(
          at,
          "F2C3008",
          `${name}: \`${operand.name}\` must be a list of tensors, got ${describe(argument)}`,
          {
            hint: `write a list: ops.${name}([a, b])`,
          },
        ))
        operands.push(operandOf(lowerer, at, name, operand, item, spec));
    } else if (operand) {
      operands[index] = operandOf(lowerer, at, name, operand, argument, spec);
    } else {
      const attribute =
        slot ??
        lowerer.refuse(
          at,
          "F2C3008",
          `${name}: it takes ${atMost(slots.length - before)}, got ${args.length - before}`,
          {
            hint: callForm(name),
          },
        );
      const sizes = TAKES_SIZES.has(name) ? sizesIn(lowerer, argument) : undefined;
      if (sizes) open.push({ at, sizes });
      const known = sizes ? list(sizes.map((size) => (size.open ? fixed(-1) : size.operand))) : argument;
      const value = fixedAttribute(lowerer, at, name, attribute.name, known);
      if (value !== undefined) attributes[attribute.name] = value;
    }
  };
  const argumentNode = writtenArguments(node, before);
  for (const [i, argument] of args.entries()) {
    const named =
      i === args.length - 1 && i >= spec.operands.length ? optionsOf(lowerer, argument) : undefined;
    if (!named) {
      place(i, argument, argumentNode(i));
      continue;
    }
    for (const [key, value] of named) {
      const index = slots.findIndex((slot) => slot.name === key);
      const at = optionNode(argumentNode(i), key);
      if (index < 0) {
        const options = slots.slice(spec.operands.length).map((s) => s.name);
        lowerer.refuse(at, "F2C3009", `${name} has no option \`${key}\``, {
          hint: `it has ${options.join(", ")}`,
        });
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
  for (let i = 0; i < operands.length; i++) operands[i] ??= undefined;
  while (
    !spec.operands.some((o) => o.variadic) &&
    operands.length < spec.operands.length &&
    spec.operands[operands.length]!.optional
  )
    operands.push(undefined);
  const results = lowerer.emit(node, name, operands, attributes, (slot) => written.get(slot));
  for (const { at, sizes } of open) checkSizes(lowerer, at, name, sizes, results[0]!);
  return results.length === 0
    ? NOTHING
    : results.length === 1
      ? dynamic(results[0]!)
      : list(results.map(dynamic));
}

/** Where the arguments of a call are written; the first `before` stand before the op's name. */
function writtenArguments(node: ts.CallExpression, before: number): (index: number) => ts.Node {
  const spread = node.arguments.some((argument) => ts.isSpreadElement(argument));
  const receiver = ts.isPropertyAccessExpression(node.expression) ? node.expression.expression : node;
  return (index) => (index < before ? receiver : spread ? node : (node.arguments[index - before] ?? node));
}

/** Where an option is written in a record of options. */
function optionNode(options: ts.Node, name: string): ts.Node {
  if (!ts.isObjectLiteralExpression(options)) return options;
  return options.properties.find((p) => p.name && "text" in p.name && p.name.text === name) ?? options;
}

/** Ops whose list of sizes may hold `x.shape[0]` of a size that is not known now: -1 says which it is, and is checked. */
const TAKES_SIZES = new Set(["reshape", "expand"]);

/** One of a list of sizes; `open`: the size that it is, where that is not known now. */
interface Size {
  readonly operand: Operand;
  readonly open: Dim | undefined;
}

/** The sizes of a list that holds some that are not known now. */
function sizesIn(lowerer: Lowerer, argument: Operand): readonly Size[] | undefined {
  if (argument.kind !== "list" || isStatic(argument)) return undefined;
  return argument.items.map((operand) => {
    const maker = operand.kind === "value" ? lowerer.builder.makerOf(operand.value) : undefined;
    const type = maker?.op === "size" ? maker.operands[0]!.type : undefined;
    return {
      operand,
      open: type?.kind === "tensor" ? type.dims.at(maker!.attributes.dim as number) : undefined,
    };
  });
}

/** A size that stood as -1 must have become the one that was written. */
function checkSizes(lowerer: Lowerer, at: ts.Node, op: string, sizes: readonly Size[], result: Value): void {
  const dims = result.type.kind === "tensor" ? result.type.dims : [];
  for (const [i, { open }] of sizes.entries())
    if (open !== undefined && !sameDim(open, dims[i]!))
      lowerer.refuse(
        at,
        "F2C3005",
        `${op}: size ${i} would be ${printDim(dims[i]!)}, and ${printDim(open)} is written`,
        {
          hint: "the sizes must keep every element",
        },
      );
}

const atMost = (n: number) => (n === 0 ? "no arguments" : `at most ${n} argument${n === 1 ? "" : "s"}`);

function optionsOf(lowerer: Lowerer, argument: Operand): ReadonlyMap<string, Operand> | undefined {
  if (argument.kind === "record") return argument.fields;
  if (
    argument.kind === "static" &&
    typeof argument.value === "object" &&
    argument.value !== null &&
    Object.getPrototypeOf(argument.value) === Object.prototype
  )
    return fieldsOf(lowerer, argument);
  return undefined;
}

function operandOf(
  lowerer: Lowerer,
  node: ts.Node,
  op: string,
  { name, kinds }: { name: string; kinds: readonly string[] },
  argument: Operand,
  spec: { operands: readonly { kinds: readonly string[] }[] },
): Value | undefined {
  if (argument.kind === "value") return argument.value;
  if (argument.kind === "static" && (argument.value === null || argument.value === undefined))
    return undefined;
  const numeric =
    argument.kind === "static" && (typeof argument.value === "number" || typeof argument.value === "boolean");
  if (numeric && spec.operands.some((o) => o.kinds.includes("f64") || o.kinds.includes("i64")))
    return lowerer.scalar(argument, node, true);
  return lowerer.refuse(
    node,
    "F2C3008",
    `${op}: \`${name}\` must be ${kindWords(kinds)}, got ${describe(argument)}`,
    { hint: callForm(op) },
  );
}

function fixedAttribute(
  lowerer: Lowerer,
  node: ts.Node,
  op: string,
  name: string,
  argument: Operand,
): AttributeValue | undefined {
  if (!isStatic(argument)) {
    return lowerer.refuse(
      node,
      "F2C3011",
      `${op}: \`${name}\` must be known when the program is built, got ${describe(argument)}`,
      {
        hint: "shapes and options are the same in every step: write a number, or a const from outside the compiled function",
      },
    );
  }
  const value = staticValue(argument);
  return value === null || value === undefined ? undefined : (value as AttributeValue);
}

const CAMEL: Readonly<Record<string, string>> = {
  view: "reshape",
  t: "transpose",
  T: "transpose",
  plus: "add",
  minus: "sub",
  times: "mul",
  mm: "matmul",
  dot: "matmul",
  max: "amax",
  min: "amin",
  item: "mean",
  float: "to",
  long: "to",
};
const nearest = (name: string): string | undefined => {
  const snake = name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
  if (OPS.get(snake)?.method) return snake;
  return Object.hasOwn(CAMEL, name) ? CAMEL[name] : undefined;
};
