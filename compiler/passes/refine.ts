/**
 * @file Puts numbers for symbols in the types of inputs, and infers every shape that follows again.
 *
 *     func @embed(%images : u8[B, 3, 56, 56])          func @embed(%images : u8[64, 3, 56, 56])          refine({ B: 64 })
 *     %y = cat(%a, %b, dim = 0) : f32[2*B, 128]        %y = cat(%a, %b, dim = 0) : f32[128, 128]
 */
import { addDims, type Dim, mulDims } from "../ir/dim.js";
import type { Type } from "../ir/module.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";

/** `refine({ B: 64 })`. Symbols that are not named stay. */
export const refine = (sizes: Readonly<Record<string, number>>) =>
  overFunctions("refine", "Sizes that are given are known everywhere.", (fn, _module, count) =>
    rewrite(fn, () => undefined, {
      inputType: ({ value }) => {
        const type = bound(value.type, sizes);
        if (type !== value.type) count("inputs");
        return type;
      },
    }),
  );

function bound(type: Type, sizes: Readonly<Record<string, number>>): Type {
  if (type.kind !== "tensor") return type;
  const dims = type.dims.map((dim) => boundDim(dim, sizes));
  return dims.some((d, i) => d !== type.dims[i]) ? { ...type, dims } : type;
}

function boundDim(dim: Dim, sizes: Readonly<Record<string, number>>): Dim {
  if (typeof dim === "number" || !dim.terms.some(([name]) => name in sizes)) return dim;
  return dim.terms.reduce<Dim>((sum, [name, factor]) => {
    const size = sizes[name] ?? ({ constant: 0, terms: [[name, 1]] } as const);
    return addDims(sum, mulDims(factor, size)!);
  }, dim.constant);
}
