/** @file Explains type errors about tensors, modules, ops and names of PyTorch: in words, and what to write instead. */
import { OPS } from "../../registry/index.js";
import {
  insteadOfFunction,
  insteadOfGroupMember,
  insteadOfLine,
  insteadOfModuleMember,
  insteadOfName,
  insteadOfOption,
  insteadOfTensorMember,
  LOOP_OVER_GROUP,
  type Written,
} from "../from-pytorch.js";
import { unwrapped } from "../lower/forms/expressions.js";
import { asOneList, callForm } from "../lower/refusals/op-forms.js";
import { insteadOfOperator } from "../lower/refusals/operators.js";
import { called, indexed, shortly, written } from "../lower/refusals/words.js";
import { ts } from "../typescript.js";
import { OWN_NAME } from "./import-hint.js";

/** A better explanation than TypeScript's, in the parts where there is one. */
export interface Words {
  readonly message?: string | undefined;
  readonly hint?: string | undefined;
  /** The hint if there is no more specific one. */
  readonly otherwise?: string | undefined;
  /** The expression that has no type because of this error; errors of the expressions around it are consequences. */
  readonly root?: ts.Node | undefined;
  /** Whether errors inside `root` are consequences too. */
  readonly whole?: boolean | undefined;
}

export const NOT_ASSIGNABLE = new Set([2322, 2345, 2739, 2740, 2741]);
export const isSyntax = ({ code }: ts.Diagnostic) => code < 2000;

type Kind = "tensor" | "group" | "module" | "ops";
const KINDS: Readonly<Record<string, Kind>> = { Tensor: "tensor", Tensors: "group", Module: "module" };

/** Which kind of the library's types a type is. */
function kindOf(type: ts.Type): Kind | undefined {
  if (type.isIntersection()) return type.types.map(kindOf).find((kind) => kind !== undefined);
  const symbol = type.getSymbol();
  const file = symbol?.declarations?.[0]?.getSourceFile().fileName ?? "";
  if (/\/dsl\/core\/ops\.generated(\.d)?\.ts$/.test(file) && symbol!.flags & ts.SymbolFlags.ValueModule)
    return "ops";
  return /\/dsl\/core\/(tensor|module)(\.d)?\.ts$/.test(file) ? KINDS[symbol!.name] : undefined;
}

/** A tensor's type as messages say it: `f32[number, 8]`. */
function tensorType(type: ts.Type, checker: ts.TypeChecker): string {
  const [sizes, dtype] = checker.getTypeArguments(type as ts.TypeReference);
  const dims =
    sizes && checker.isTupleType(sizes) ? checker.getTypeArguments(sizes as ts.TypeReference) : undefined;
  const name = dtype && checker.typeToString(dtype).replaceAll('"', "");
  return dims && name && /^\w+$/.test(name)
    ? ` ${name}[${dims.map((dim) => checker.typeToString(dim)).join(", ")}]`
    : "";
}

/** A tensor's type in full, whatever name it goes by. */
function spelled(type: ts.Type | undefined, checker: ts.TypeChecker): string | undefined {
  if (!type || kindOf(type) !== "tensor" || type.isIntersection()) return undefined;
  const [sizes, dtype] = checker.getTypeArguments(type as ts.TypeReference);
  const [dims, kind] = [sizes, dtype].map((t) => t && checker.typeToString(t));
  return dims && kind && /^(readonly )?\[/.test(dims) && /^"\w+"$/.test(kind)
    ? `Tensor<${dims}, ${kind}>`
    : undefined;
}

/** TypeScript's message for a tensor in the place of another, with both types written in full. */
export function inFull(d: ts.Diagnostic, checker: ts.TypeChecker): string | undefined {
  const { file, start, length, code } = d;
  const node = file && NOT_ASSIGNABLE.has(code) ? nodeAt(file, start!, start! + length!) : undefined;
  const value = node && assignedNode(node);
  if (!value || !ts.isExpression(value)) return undefined;
  const [given, wanted] = [checker.getTypeAtLocation(value), checker.getContextualType(value)];
  const [got, want] = [spelled(given, checker), spelled(wanted, checker)];
  return got && want && `Type '${got}' is not assignable to type '${want}'.`;
}

const describeType = (type: ts.Type, kind: Kind, checker: ts.TypeChecker): string =>
  kind === "tensor"
    ? `a tensor${tensorType(type, checker)}`
    : kind === "group"
      ? "a group of tensors"
      : kind === "module"
        ? "a module"
        : "the ops";

const writtenArguments = (node: ts.Node): readonly string[] | undefined =>
  ts.isCallExpression(node) ? node.arguments.map(written) : undefined;

/** A member access as it is written: its object, and the arguments if it is called. */
const writtenMember = (access: ts.PropertyAccessExpression): Written => ({
  x: shortly(access.expression, "x"),
  args: isCallee(access) ? writtenArguments(access.parent) : undefined,
});
const isCallee = (node: ts.Node): boolean =>
  ts.isCallExpression(node.parent) && node.parent.expression === node;

const INSTEAD = { tensor: insteadOfTensorMember, group: insteadOfGroupMember, module: insteadOfModuleMember };

const NO_MEMBER = new Set([2339, 2551]);
const NO_NAME = new Set([2304, 2552, 2580, 2584, 2591]);
const OPERATOR = new Set([2362, 2363, 2365]);
const NO_INDEX = new Set([7053, 7052, 2536]);
const NOT_LOOPED = new Set([2488, 2495, 2548, 2549]);
const NO_EXPORT = new Set([2305, 2614, 2724]);
const TOO_MANY = 2554;
const ARGUMENTS = new Set([2345, 2353, 2561, 2554, 2555, 2559, 2769, 2322]);

/** What to add to TypeScript's message. */
export function wordsFor(d: ts.Diagnostic, checker: ts.TypeChecker): Words {
  const { file, start, length, code } = d;
  if (!file || start === undefined) return {};
  if (isSyntax(d)) return { hint: insteadOfLine(lineAt(file, start)) };
  const node = nodeAt(file, start, start + (length ?? 0));
  if (!node) return {};
  if (NO_MEMBER.has(code)) return ofMember(node, checker);
  if (NO_NAME.has(code)) return ofName(node);
  if (OPERATOR.has(code)) return ofOperator(node, checker);
  if (NO_INDEX.has(code)) return ofIndex(node, checker);
  if (NOT_LOOPED.has(code)) return ofLoop(node, checker);
  const made = NOT_ASSIGNABLE.has(code) ? ofOperator(assignedNode(node), checker) : {};
  if (made.message !== undefined) return made;
  if (NO_EXPORT.has(code)) return ofImport(node);
  return ARGUMENTS.has(code) ? ofArguments(node, code, checker) : {};
}

function lineAt(file: ts.SourceFile, start: number): string {
  const from = file.text.lastIndexOf("\n", start - 1) + 1;
  const to = file.text.indexOf("\n", start);
  return file.text.slice(from, to < 0 ? undefined : to);
}

function ofMember(node: ts.Node, checker: ts.TypeChecker): Words {
  const access = node.parent;
  if (!ts.isPropertyAccessExpression(access) || access.name !== node) return {};
  const type = checker.getTypeAtLocation(access.expression);
  const kind = kindOf(type);
  const name = access.name.text;
  const asked = writtenMember(access);
  if (kind === undefined)
    return type.flags & ts.TypeFlags.NumberLike && name === "item"
      ? { hint: `a number is used as it is: ${asked.x} * 2` }
      : {};
  if (kind === "ops")
    return { message: `there is no op \`${name}\``, hint: insteadOfFunction(name, asked) ?? OPS_LISTED };
  const what = isCallee(access) ? "method" : "field";
  return {
    message: `${called(access.expression)} is ${describeType(type, kind, checker)}, which has no ${what} \`${name}\``,
    hint: INSTEAD[kind](name, asked) ?? OPS_LISTED,
    ...(isCallee(access) && { root: access.parent }),
  };
}
const OPS_LISTED = "docs/ops.md lists the ops, and which of them are methods of tensors";

function ofName(node: ts.Node): Words {
  if (!ts.isIdentifier(node)) return {};
  const keyword = keywordArgument(node);
  if (keyword) return keyword;
  const access =
    ts.isPropertyAccessExpression(node.parent) && node.parent.expression === node ? node.parent : undefined;
  const outer = access && ts.isPropertyAccessExpression(access.parent) ? access.parent : access;
  // Of torch.nn.functional.relu(x), relu.
  let last = outer;
  while (last && ts.isPropertyAccessExpression(last.parent)) last = last.parent;
  const member = last ?? access;
  return {
    hint: member
      ? insteadOfName(node.text, member.name.text, writtenMember(member))
      : insteadOfName(node.text, undefined, {
          args: isCallee(node) ? writtenArguments(node.parent) : undefined,
        }),
  };
}

/** Python's `x.sum(dim=1)`, which assigns to a name here. */
function keywordArgument(node: ts.Identifier): Words | undefined {
  const assignment = node.parent;
  const call = assignment.parent;
  const isKeyword =
    ts.isBinaryExpression(assignment) &&
    assignment.left === node &&
    assignment.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    ts.isCallExpression(call) &&
    call.arguments.includes(assignment);
  if (!isKeyword) return undefined;
  const op = opOf(call);
  return {
    message: `\`${assignment.getText()}\` assigns to a name: arguments have no names here`,
    hint: `give it by its position, or an option in a record${op === undefined ? ": { name: value }" : `; ${callForm(op)}`}`,
    root: call,
    whole: true,
  };
}

/** The op that a call names, as a method or as a function of `ops`. */
function opOf({ expression }: ts.CallExpression): string | undefined {
  const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : undefined;
  return name !== undefined && OPS.get(name)?.signature !== undefined ? name : undefined;
}

function ofOperator(node: ts.Node, checker: ts.TypeChecker): Words {
  const inner = ts.isExpression(node) ? unwrapped(node) : node;
  const whole =
    ts.isBinaryExpression(inner) || ts.isPrefixUnaryExpression(inner)
      ? inner
      : ts.isBinaryExpression(node.parent)
        ? node.parent
        : undefined;
  if (!whole) return {};
  const sides = ts.isBinaryExpression(whole) ? [whole.left, whole.right] : [whole.operand];
  const types = sides.map((side) => checker.getTypeAtLocation(side));
  const index = types.findIndex((type) => kindOf(type) === "tensor");
  const side = index < 0 ? types.findIndex((type) => type.flags & ts.TypeFlags.Any) : index;
  if (side < 0) return {};
  const token = ts.isBinaryExpression(whole) ? whole.operatorToken.kind : whole.operator;
  const instead = insteadOfOperator(whole, token, side);
  if (!instead) return {};
  const what =
    index < 0
      ? "what stands beside it"
      : `${called(sides[side]!)} is a tensor${tensorType(types[side]!, checker)}`;
  if (index < 0)
    return { message: `${instead.operator} gives a number, where a tensor is wanted`, hint: instead.hint };
  return {
    message: `${instead.operator} is for ${instead.kinds}, and ${what}`,
    hint: instead.hint,
    root: whole,
  };
}

function ofIndex(node: ts.Node, checker: ts.TypeChecker): Words {
  const access = ts.isElementAccessExpression(node) ? node : node.parent;
  if (!ts.isElementAccessExpression(access)) return {};
  const type = checker.getTypeAtLocation(access.expression);
  const kind = kindOf(type);
  if (kind === "group")
    return {
      message: `${called(access.expression)} is a group of tensors, which [] cannot index`,
      hint: LOOP_OVER_GROUP,
    };
  if (kind !== "tensor") return {};
  const { message, hint } = indexed(access, describeType(type, kind, checker));
  return { message, hint, root: access, whole: true };
}

function ofLoop(at: ts.Node, checker: ts.TypeChecker): Words {
  const declared =
    ts.isArrayBindingPattern(at) && ts.isVariableDeclaration(at.parent) ? at.parent.initializer : undefined;
  const node = declared ?? at;
  const type = checker.getTypeAtLocation(node);
  const kind = kindOf(type);
  if (kind !== "tensor" && kind !== "group") return {};
  return {
    message: `${called(node)} is ${describeType(type, kind, checker)}, which cannot be looped over`,
    hint: kind === "group" ? LOOP_OVER_GROUP : "use ops on the whole tensor; one row of it is .select(0, i)",
  };
}

const ELEMENT_TYPES: Readonly<Record<string, string>> = {
  ...{
    float32: "f32",
    float: "f32",
    float16: "f16",
    half: "f16",
    bfloat16: "bf16",
    float64: "f64",
    double: "f64",
  },
  ...{ int64: "i64", long: "i64", int32: "i32", int: "i32", uint8: "u8" },
};

/** The call that has an expression among its arguments, however deep in records and lists, or as its callee. */
function callAround(node: ts.Node): ts.CallExpression | undefined {
  const callee = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node ? node.parent : node;
  if (isCallee(callee)) return callee.parent as ts.CallExpression;
  for (let at = node; at.parent && !ts.isFunctionLike(at) && !ts.isStatement(at); at = at.parent)
    if (ts.isCallExpression(at.parent) && at.parent.expression !== at) return at.parent;
  return undefined;
}

/** How to write the op whose arguments, or options, are wrong. */
function ofArguments(node: ts.Node, code: number, checker: ts.TypeChecker): Words {
  const call = callAround(node);
  const options = ofOptions(node, code, checker);
  if (options) return { hint: options };
  if (!call) return {};
  const op = opOf(call);
  const access = call.expression;
  const given = kindOf(checker.getTypeAtLocation(node));
  if (given === "tensor" && TAKES_FUNCTION.has(access.getText()))
    return { hint: `give it a function: ${access.getText()}(() => ${shortly(node, "…")})` };
  if (given === "tensor" && /^Math\.\w+$/.test(access.getText()))
    return { hint: ofMath(access.getText().slice("Math.".length), shortly(node, "x")) };
  if (op === undefined || !ts.isPropertyAccessExpression(access)) return {};
  const kind = kindOf(checker.getTypeAtLocation(access.expression));
  if (kind === undefined) return {};
  const text = ts.isStringLiteral(node) ? node.text : "";
  if (op === "to" && /^(cuda|cpu|mps)\b/.test(text)) return { hint: insteadOfTensorMember("cuda", {}) };
  if (op === "to" && Object.hasOwn(ELEMENT_TYPES, text))
    return { hint: `write .to("${ELEMENT_TYPES[text]}")` };
  const x = shortly(access.expression, "x");
  const listed =
    kind === "tensor" && code === TOO_MANY ? asOneList(op, x, call.arguments.map(written)) : undefined;
  return listed ? { hint: listed } : { otherwise: callForm(op, kind === "ops") };
}

const NO_OPTION = new Set([2353, 2561]);
const MOST_OPTIONS = 16;

/** Options of this library that are misnamed, or given without a record. */
function ofOptions(node: ts.Node, code: number, checker: ts.TypeChecker): string | undefined {
  const holder = NO_OPTION.has(code) ? node.parent?.parent : node;
  if (!holder || !ts.isExpression(holder)) return undefined;
  const context = checker.getContextualType(holder);
  const wanted = context && checker.getNonNullableType(context);
  const known = wanted && !kindOf(wanted) && isOurs(wanted) ? wanted.getProperties().map((p) => p.name) : [];
  if (known.length === 0 || known.length > MOST_OPTIONS * 2) return undefined;
  if (NO_OPTION.has(code)) {
    const shown = known.slice(0, MOST_OPTIONS).join(", ");
    return insteadOfOption(node.getText()) ?? `it has ${shown}${known.length > MOST_OPTIONS ? ", …" : ""}`;
  }
  const given = checker.getTypeAtLocation(holder).flags;
  const plain = ts.TypeFlags.NumberLike | ts.TypeFlags.StringLike | ts.TypeFlags.BooleanLike;
  return given & plain && ts.isCallExpression(holder.parent)
    ? `options stand in a record: { ${known[0]}: ${written(holder)} }`
    : undefined;
}

/** Whether a type of records is declared by this library. */
const isOurs = (type: ts.Type): boolean =>
  (type.getSymbol()?.declarations ?? []).some((d) => /\/dist\/dsl\//.test(d.getSourceFile().fileName));

const TAKES_FUNCTION = new Set(["noGrad", "evaluating", "remat", "inF32"]);

const ofMath = (name: string, x: string): string =>
  OPS.get(name)?.method
    ? `tensors have it as a method: ${x}.${name}()`
    : (insteadOfTensorMember(name, { x }) ?? "tensors have methods: docs/ops.md lists them");

/** A name that is imported and does not exist. */
function ofImport(node: ts.Node): Words {
  const specifier = ts.isImportSpecifier(node) ? node : node.parent;
  if (!ts.isImportSpecifier(specifier)) return {};
  const from = specifier.parent.parent.parent.moduleSpecifier;
  const { text } = specifier.propertyName ?? specifier.name;
  if (!ts.isStringLiteral(from) || from.text !== OWN_NAME) return {};
  return { hint: insteadOfName(text) ?? insteadOfFunction(text, {}) };
}

/** TypeScript marks the name that is assigned to; this is what is assigned. */
export function assignedNode(node: ts.Node): ts.Node {
  const { parent } = node;
  if (!parent) return node;
  return (
    (ts.isBinaryExpression(parent) && parent.left === node && parent.right) ||
    (ts.isVariableDeclaration(parent) && parent.name === node && parent.initializer) ||
    (ts.isPropertyAssignment(parent) && parent.name === node && parent.initializer) ||
    node
  );
}

/** The outermost node that a span covers. */
export function nodeAt(file: ts.SourceFile, start: number, end: number): ts.Node | undefined {
  const visit = (node: ts.Node): ts.Node | undefined =>
    node.getStart(file) === start && node.end === end && node !== file
      ? node
      : ts.forEachChild(node, (child) => (child.pos <= start && child.end >= end ? visit(child) : undefined));
  return visit(file);
}
