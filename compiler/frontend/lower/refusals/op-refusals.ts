/**
 * @file An op that its rules do not allow, as a refusal at the operand to blame, with where its tensors come from and what helps.
 *
 *     TypeScript in             refused
 *     a.matmul(b)               F2C3001 matmul: inner dimensions 8 and 4 differ ([4, 8] times [4, 8])
 *                                 help: transpose the second: a.matmul(b.transpose(0, 1))
 */
import type { OpRefusal } from "../../../build/function-builder.js";
import { CATALOGUE, type CatalogueEntry, type DiagnosticName } from "../../../diagnostics/catalogue.js";
import type { Diagnostic } from "../../../diagnostics/diagnostic.js";
import { type Dim, printDim, sameDim, symbolsIn } from "../../../ir/dim.js";
import type { Value } from "../../../ir/module.js";
import type { OpName } from "../../../ir/op-name.js";
import { printType } from "../../../ir/print-type.js";
import type { ts } from "../../typescript.js";
import { inUserCode } from "../forms/places.js";
import type { Lowering } from "../lowering.js";
import { callForm } from "./op-forms.js";

/** What usually helps, as the catalogue has it. */
const usual = (failure: OpRefusal["failure"]): string | undefined => {
  const entry: CatalogueEntry =
    CATALOGUE[failure === "statistics" ? "one-value-a-channel" : FAILURES[failure]];
  return entry.hint;
};

/** What helps where an op refused its operands; `undefined` where the message says it. */
function remedyOf(op: string, refusal: OpRefusal): string | undefined {
  if (refusal.failure === "kind" || refusal.failure === "operand") return callForm(op);
  const remedy = refusal.hint ?? fitting(op, refusal) ?? usual(refusal.failure);
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

const FAILURES = {
  shape: "shape-mismatch",
  rank: "wrong-rank",
  dtype: "wrong-dtype",
  dim: "dimension-out-of-range",
  elements: "element-count",
  size: "bad-size",
  kind: "wrong-kind",
  operand: "wrong-argument",
  attribute: "wrong-argument",
} as const satisfies Record<Exclude<OpRefusal["failure"], "statistics">, DiagnosticName>;

const shapeOf = (value: Value | undefined): string =>
  value?.type.kind === "tensor" ? `[${value.type.dims.map(printDim).join(", ")}]` : "[]";

/** What a rule of an op says, "matmul: …", as parameters of a diagnostic. */
function wordsOf({ message }: OpRefusal): { op: string; problem: string } {
  const [op, ...problem] = message.split(": ");
  return { op: op!, problem: problem.join(": ") };
}

/** Refuses an op that its rules do not allow, at `at` where an operand or an option is to blame; else at `node`. */
export function refuseOp(
  lowering: Lowering,
  node: ts.Node,
  op: OpName,
  refusal: OpRefusal,
  at: ts.Node = node,
): never {
  const { failure, operands } = refusal;
  // Of what was written in the call, where its tensors come from says nothing.
  const about = failure === "kind" || failure === "operand";
  const details = {
    hint: remedyOf(op, refusal),
    related: about ? [] : [...originsOf(lowering, operands, node), ...symbolsOf(lowering, operands)],
  };
  return failure === "statistics"
    ? lowering.refuse(at, "one-value-a-channel", { shape: shapeOf(operands[0]) }, details)
    : lowering.refuse(at, FAILURES[failure], wordsOf(refusal), details);
}

type Related = Diagnostic["related"];

/** What the sizes that are not numbers stand for. */
function symbolsOf({ symbols }: Lowering, operands: readonly (Value | undefined)[]): Related {
  const names = operands.flatMap((value) =>
    value?.type.kind === "tensor" ? symbolsIn(value.type.dims) : [],
  );
  return [...new Set(names)].flatMap((name) => symbols.get(name) ?? []);
}

/** Where the tensors that do not fit were made, for those that were not made at `node` itself. */
function originsOf(lowering: Lowering, operands: readonly (Value | undefined)[], node: ts.Node): Related {
  const here = lowering.span(node);
  return [...new Set(operands)].flatMap((value) => {
    const maker = value?.type.kind === "tensor" ? lowering.builder.makerOf(value) : undefined;
    if (!value || !maker || maker.op === "state") return [];
    const { path, start, end } = inUserCode(maker.location);
    const inside = path === here.path && start >= here.start && end <= here.end;
    const what = value.name === "" ? "a value" : `\`${value.name}\``;
    return inside
      ? []
      : [{ message: `${what} gets its shape ${printType(value.type)} here`, span: { path, start, end } }];
  });
}
