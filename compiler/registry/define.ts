/** @file Short ways to write an op's entry. */
import type { OpName } from "../ir/op-name.js";
import type { AttributeSpec, OperandKind, OperandSpec, OpSpec, TorchCall } from "./spec.js";

/** What an entry leaves out is the common case: one tensor out, pure, no attributes. */
type Entry = Partial<OpSpec> & Pick<OpSpec, "doc" | "shape"> & { operands: readonly OperandSpec[] };

/** `tensor("self")`, `tensor("bias", "optional")`. */
export const tensor = (name: string, mode?: "optional" | "variadic"): OperandSpec => ({
  name,
  kinds: ["tensor"],
  ...(mode === "optional" && { optional: true }),
  ...(mode === "variadic" && { variadic: true }),
});
export const SCALARS: readonly OperandKind[] = ["f64", "i64", "bool"];
export const tensorOrScalar = (name: string): OperandSpec => ({ name, kinds: ["tensor", "f64", "i64"] });
export const scalar = (name: string, ...kinds: OperandKind[]): OperandSpec => ({
  name,
  kinds: kinds.length ? kinds : SCALARS,
});
export const group = (name: string): OperandSpec => ({ name, kinds: ["group"] });

export const attribute = (
  name: string,
  type: AttributeSpec["type"],
  byDefault?: AttributeSpec["default"],
): AttributeSpec => (byDefault === undefined ? { name, type } : { name, type, default: byDefault });

/** `aten("add.Tensor", "self", "other")`; tokens are explained at `TorchCall` in docs/ir.md. */
export const aten = (overload: string, ...args: string[]): TorchCall => ({
  target: `aten::${overload}`,
  args,
});
export const when = (kinds: NonNullable<TorchCall["when"]>, call: TorchCall): TorchCall => ({
  when: kinds,
  ...call,
});

export const having = (attributes: NonNullable<TorchCall["having"]>, call: TorchCall): TorchCall => ({
  having: attributes,
  ...call,
});

/** What all ops of a family have in common. */
const OF_FAMILY: Readonly<Record<string, Partial<OpSpec>>> = {
  elementwise: { traits: { pointwise: true, keepsLayout: true } },
  views: { alias: true },
};

/** A family's entries, completed: `traits` are those of the family and the op's own. */
export const family = (name: string, entries: Partial<Record<OpName, Entry>>): readonly OpSpec[] =>
  (Object.entries(entries) as [OpName, Entry][]).map(([op, entry]) => ({
    name: op,
    family: name,
    attributes: [],
    results: ["tensor"],
    effect: "pure",
    constraints: [],
    calls: [{ target: "special", args: [] }],
    writes: entry.effect === "write" ? [entry.operands[0]!.name] : [],
    ...OF_FAMILY[name],
    ...entry,
    traits: { ...OF_FAMILY[name]?.traits, ...entry.traits },
  }));
