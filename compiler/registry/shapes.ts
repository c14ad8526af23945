/** @file Shape rules shared by the ops: broadcasting, reductions, convolution, indexing, views. */
import { addDims, type Dim, divideDim, mulDims, printDim, productOfDims, sameDim } from "../ir/dim.js";
import { type DType, type ScalarType, type TensorType, type Type, tensorType } from "../ir/module.js";
import { printType } from "../ir/print-type.js";
import type { ShapeCall, ShapeRule } from "./spec.js";

const FLOATS: readonly DType[] = ["f16", "bf16", "f32", "f64"];
export const isFloat = (dtype: DType) => FLOATS.includes(dtype);

/** PyTorch's promotion of two tensors that both have dimensions: category first (bool < integer < float), then size. */
const LATTICE: readonly DType[] = ["bool", "u8", "i32", "i64", "f16", "bf16", "f32", "f64"];

/** The dtype of an arithmetic result of two tensors of rank > 0, as PyTorch promotes. */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  const pair = new Set([a, b]);
  if (pair.has("f16") && pair.has("bf16")) return "f32";
  return LATTICE.indexOf(a) > LATTICE.indexOf(b) ? a : b;
}

const category = (dtype: DType) => (dtype === "bool" ? 0 : isFloat(dtype) ? 2 : 1);

/** Whether PyTorch writes values of one dtype into a storage of another: of the same category, or a narrower one. */
export const holds = (storage: DType, values: DType): boolean => category(values) <= category(storage);

/**
 * Promotion with PyTorch's rule that a tensor of rank 0 can change the category of the result, but not the size within a
 * category.
 */
export function promoteTensors(a: TensorType, b: TensorType): DType {
  const [aScalar, bScalar] = [a.dims.length === 0, b.dims.length === 0];
  if (aScalar === bScalar || category(a.dtype) === category(b.dtype)) {
    if (aScalar && !bScalar) return b.dtype;
    if (bScalar && !aScalar) return a.dtype;
    return promote(a.dtype, b.dtype);
  }
  return category(a.dtype) > category(b.dtype) ? a.dtype : b.dtype;
}

export function tensorAt(call: ShapeCall, index: number): TensorType {
  const type = call.operands[index];
  if (type?.kind !== "tensor") {
    return call.fail(
      "kind",
      `${call.op}: a tensor is needed here, got ${type ? printType(type) : "nothing"}`,
    );
  }
  return type;
}

export const maybeTensorAt = (call: ShapeCall, index: number): TensorType | undefined =>
  call.operands[index]?.kind === "tensor" ? (call.operands[index] as TensorType) : undefined;

export const int = (call: ShapeCall, name: string) => call.attributes[name] as number;
export const ints = (call: ShapeCall, name: string) => call.attributes[name] as readonly number[];
export const flag = (call: ShapeCall, name: string) => call.attributes[name] === true;

export const shapeText = (dims: readonly Dim[]) => `[${dims.map(printDim).join(", ")}]`;

export function rankOf(call: ShapeCall, type: TensorType, rank: number, what: string): void {
  if (type.dims.length !== rank) {
    call.fail("rank", `${call.op}: ${what} must have ${rank} dimensions, got ${shapeText(type.dims)}`);
  }
}

/** A dimension index that may count from the end. */
export function axis(call: ShapeCall, rank: number, dim: number, extra = 0): number {
  const size = rank + extra;
  const at = dim < 0 ? dim + size : dim;
  if (!Number.isInteger(dim) || at < 0 || at >= size) {
    call.fail("dim", `${call.op}: dimension ${dim} is out of range for ${rank} dimensions`);
  }
  return at;
}

export function broadcastDims(call: ShapeCall, a: readonly Dim[], b: readonly Dim[]): readonly Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x === 1) return y;
    if (y === 1 || sameDim(x, y)) return x;
    return call.fail(
      "shape",
      `${call.op}: ${shapeText(a)} and ${shapeText(b)} do not broadcast: ${printDim(x)} against ${printDim(y)} ` +
        `in dimension ${i - rank}`,
    );
  });
}

/** Whether a shape broadcasts to another without changing it. */
export const broadcastsTo = (from: readonly Dim[], to: readonly Dim[]): boolean =>
  from.length <= to.length && from.every((d, i) => d === 1 || sameDim(d, to[i + to.length - from.length]!));

/** Same type as the first operand. */
export const like: ShapeRule = (call) => [tensorAt(call, 0)];

/** Same shape as the first operand, which must be floating point. */
export const floatLike: ShapeRule = (call) => {
  const x = tensorAt(call, 0);
  realTensor(call, x);
  return [x];
};

export function realTensor(call: ShapeCall, x: TensorType): void {
  if (!isFloat(x.dtype))
    call.fail(
      "dtype",
      `${call.op}: a floating-point tensor is needed, got ${printType(x)}; cast it with .to("f32")`,
    );
}

/** The dtype of a tensor with a number, which can change only the category. */
export const withScalar = (dtype: DType, scalar: ScalarType): DType =>
  scalar === "f64" && !isFloat(dtype) ? "f32" : scalar === "i64" && dtype === "bool" ? "i64" : dtype;

/** Refuses masks for ops that torch cannot compute with them. */
export function noBool(call: ShapeCall, how: "any" | "all"): void {
  const tensors = call.operands.filter((t): t is TensorType => t?.kind === "tensor");
  const bools = tensors.filter((t) => t.dtype === "bool").length;
  if (bools > 0 && (how === "any" || bools === call.operands.length))
    call.fail("dtype", `${call.op}: a mask is no number; cast it with .to("f32")`);
}

/** Sizes from `low` up. */
export function sizesOf(call: ShapeCall, sizes: readonly number[], low = 0): readonly number[] {
  const bad = sizes.find((n) => n < low);
  if (bad !== undefined) call.fail("size", `${call.op}: ${bad} is not a size`);
  return sizes;
}

/** A list of exactly two whole numbers from `low` up: height and width. */
export function pairOf(call: ShapeCall, name: string, low: number): void {
  const list = ints(call, name);
  if (list.length !== 2 || list.some((n) => n < low))
    call.fail("size", `${call.op}: \`${name}\` must be two numbers from ${low} up, got [${list.join(", ")}]`);
}

/** Elementwise over tensors and scalars; `result` fixes the dtype (comparisons give bool). */
export const elementwise =
  (options: { result?: DType; float?: boolean } = {}): ShapeRule =>
  (call) => {
    const tensors = call.operands.filter((t): t is TensorType => t?.kind === "tensor");
    const first = tensors[0] ?? call.fail("kind", `${call.op}: at least one tensor is needed here, got none`);
    const dims = tensors.slice(1).reduce((dims, t) => broadcastDims(call, dims, t.dims), first.dims);
    let joined = tensors
      .slice(1)
      .reduce((t, u) => tensorType(t.dims.length ? t.dims : u.dims, promoteTensors(t, u)), first);
    for (const operand of call.operands)
      if (operand?.kind === "scalar")
        joined = tensorType(joined.dims, withScalar(joined.dtype, operand.scalar));
    if (options.float && !isFloat(joined.dtype)) joined = tensorType(joined.dims, "f32");
    return [tensorType(dims, options.result ?? joined.dtype)];
  };

/** Reduction over `dims` (attribute; empty or absent: all) with `keepdim`. */
export const reduction =
  (options: { float?: boolean; dtype?: (d: DType) => DType } = {}): ShapeRule =>
  (call) => {
    const x = tensorAt(call, 0);
    if (options.float && !isFloat(x.dtype)) {
      call.fail(
        "dtype",
        `${call.op}: a floating-point tensor is needed, got ${printType(x)}; cast it with .to("f32")`,
      );
    }
    return [tensorType(reducedDims(call, x), options.dtype?.(x.dtype) ?? x.dtype)];
  };

/** The dimensions that a reduction is over. */
export function reducedAxes(call: ShapeCall, x: TensorType): readonly number[] {
  const given = call.attributes.dim;
  const list =
    given === undefined || given === null ? [] : typeof given === "number" ? [given] : (given as number[]);
  return [...distinctAxes(call, x, list.length ? list : x.dims.map((_, i) => i))];
}

export function reducedDims(call: ShapeCall, x: TensorType): readonly Dim[] {
  const dims = new Set(reducedAxes(call, x));
  return flag(call, "keepdim")
    ? x.dims.map((d, i) => (dims.has(i) ? 1 : d))
    : x.dims.filter((_, i) => !dims.has(i));
}

/** Dimensions, each named once. */
export function distinctAxes(call: ShapeCall, x: TensorType, list: readonly number[]): ReadonlySet<number> {
  const dims = new Set(list.map((d) => axis(call, x.dims.length, d)));
  if (dims.size !== list.length)
    call.fail("dim", `${call.op}: [${list.join(", ")}] names a dimension of ${shapeText(x.dims)} twice`);
  return dims;
}

export const matmulRule: ShapeRule = (call) => {
  const [a, b] = [tensorAt(call, 0), tensorAt(call, 1)];
  if (a.dtype !== b.dtype) call.fail("dtype", `matmul: ${a.dtype} times ${b.dtype}; cast one of them`);
  if (a.dims.length === 0 || b.dims.length === 0)
    call.fail("rank", "matmul: a tensor without dimensions has no rows");
  const [inner, other] = [a.dims.at(-1)!, b.dims.length === 1 ? b.dims[0]! : b.dims.at(-2)!];
  if (!sameDim(inner, other)) {
    call.fail(
      "shape",
      `matmul: inner dimensions ${printDim(inner)} and ${printDim(other)} differ (${shapeText(a.dims)} times ${shapeText(b.dims)})`,
    );
  }
  const batch = broadcastDims(call, a.dims.slice(0, -2), b.dims.slice(0, -2));
  const rows = a.dims.length > 1 ? [a.dims.at(-2)!] : [];
  const columns = b.dims.length > 1 ? [b.dims.at(-1)!] : [];
  return [tensorType([...batch, ...rows, ...columns], a.dtype)];
};

export const linearRule: ShapeRule = (call) => {
  const [x, w, bias] = [tensorAt(call, 0), tensorAt(call, 1), maybeTensorAt(call, 2)];
  rankOf(call, w, 2, "the weight");
  sameDtype(call, [x, w, bias]);
  const [out, inner] = [w.dims[0]!, w.dims[1]!];
  const last = x.dims.at(-1) ?? call.fail("rank", "linear: the input has no dimensions");
  if (!sameDim(last, inner)) {
    call.fail(
      "shape",
      `linear: the input has ${printDim(last)} features, the weight takes ${printDim(inner)} (${shapeText(x.dims)} with weight ${shapeText(w.dims)})`,
    );
  }
  if (bias && !(bias.dims.length === 1 && sameDim(bias.dims[0]!, out)))
    call.fail("shape", `linear: bias ${shapeText(bias.dims)} for ${printDim(out)} outputs`);
  return [tensorType([...x.dims.slice(0, -1), out], x.dtype)];
};

/** A slope for all of x, or one a channel. */
export function slopeRule(call: ShapeCall, x: TensorType, slope: TensorType): void {
  const channels = x.dims[1] ?? 1;
  const size = slope.dims[0];
  if (slope.dims.length !== 1 || (size !== 1 && size !== channels))
    call.fail("shape", `${call.op}: ${String(size)} slopes for a tensor with ${String(channels)} channels`);
  sameDtype(call, [x, slope]);
}
export function sameDtype(call: ShapeCall, types: readonly (TensorType | undefined)[]): void {
  const present = types.filter((t) => t !== undefined);
  const odd = present.find((t) => t.dtype !== present[0]!.dtype);
  if (odd) {
    call.fail(
      "dtype",
      `${call.op}: ${present[0]!.dtype} and ${odd.dtype} do not mix; cast with .to("${present[0]!.dtype}")`,
    );
  }
}

/** floor((size + 2p - d*(k-1) - 1) / stride) + 1; a symbolic size is allowed only if the window does not change it. */
function windowed(
  call: ShapeCall,
  size: Dim,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
  what: string,
): Dim {
  const reach = addDims(size, 2 * padding - dilation * (kernel - 1) - 1);
  if (typeof reach === "number") {
    if (reach < 0) {
      call.fail(
        "size",
        `${call.op}: a ${what} of ${printDim(size)} is smaller than the kernel of ${kernel} with padding ${padding}`,
      );
    }
    return Math.floor(reach / stride) + 1;
  }
  const whole = stride === 1 ? reach : divideDim(reach, stride);
  if (whole === undefined)
    call.fail("size", `${call.op}: cannot tell the ${what} of ${printDim(size)} with stride ${stride}`);
  return addDims(whole!, 1);
}

export const convRule: ShapeRule = (call) => {
  const [x, w, bias] = [tensorAt(call, 0), tensorAt(call, 1), maybeTensorAt(call, 2)];
  rankOf(call, x, 4, "the images [N, C, H, W]");
  rankOf(call, w, 4, "the weight [O, C/groups, KH, KW]");
  sameDtype(call, [x, w, bias]);
  realTensor(call, x);
  pairOf(call, "stride", 1);
  pairOf(call, "padding", 0);
  pairOf(call, "dilation", 1);
  if (int(call, "groups") < 1) call.fail("size", `conv2d: ${int(call, "groups")} groups`);
  const [stride, padding, dilation] = [ints(call, "stride"), ints(call, "padding"), ints(call, "dilation")];
  const groups = int(call, "groups");
  const [n, c, h, width] = x.dims as [Dim, Dim, Dim, Dim];
  const [o, inner, kh, kw] = w.dims as [number, number, number, number];
  const channels = mulDims(inner, groups)!;
  if (!sameDim(c, channels)) {
    call.fail(
      "shape",
      `conv2d: the images have ${printDim(c)} channels, the weight takes ${printDim(channels)}` +
        ` (${shapeText(x.dims)} with weight ${shapeText(w.dims)}, groups ${groups})`,
    );
  }
  if (o % groups !== 0)
    call.fail("shape", `conv2d: ${o} output channels do not divide into ${groups} groups`);
  if (bias && !(bias.dims.length === 1 && sameDim(bias.dims[0]!, o)))
    call.fail("shape", `conv2d: bias ${shapeText(bias.dims)} for ${o} outputs`);
  const out = [
    windowed(call, h, kh, stride[0]!, padding[0]!, dilation[0]!, "height"),
    windowed(call, width, kw, stride[1]!, padding[1]!, dilation[1]!, "width"),
  ];
  return [tensorType([n, o, ...out], x.dtype)];
};

export const poolRule: ShapeRule = (call) => {
  const x = tensorAt(call, 0);
  rankOf(call, x, 4, "the images [N, C, H, W]");
  realTensor(call, x);
  pairOf(call, "kernel", 1);
  pairOf(call, "stride", 1);
  pairOf(call, "padding", 0);
  const [kernel, stride, padding] = [ints(call, "kernel"), ints(call, "stride"), ints(call, "padding")];
  if (padding.some((p, i) => 2 * p > kernel[i]!))
    call.fail(
      "size",
      `${call.op}: padding [${padding.join(", ")}] is more than half of kernel [${kernel.join(", ")}]`,
    );
  const out = [0, 1].map((i) =>
    windowed(call, x.dims[2 + i]!, kernel[i]!, stride[i]!, padding[i]!, 1, i ? "width" : "height"),
  );
  return [tensorType([x.dims[0]!, x.dims[1]!, ...out], x.dtype)];
};

/** The sizes of a view; one may be -1, which is then computed. */
export function viewDims(call: ShapeCall, x: TensorType, target: readonly number[]): readonly Dim[] {
  const holes = target.filter((d) => d === -1).length;
  if (holes > 1) call.fail("elements", `${call.op}: only one size may be -1, got ${shapeText(target)}`);
  const bad = target.find((d) => d < -1 || !Number.isInteger(d));
  if (bad !== undefined) call.fail("size", `${call.op}: ${bad} is not a size`);
  const known = target.filter((d) => d !== -1).reduce((a, b) => a * b, 1);
  const total = productOfDims(x.dims);
  if (total === undefined) {
    return call.fail("elements", `${call.op}: cannot reshape ${shapeText(x.dims)}, it has two open sizes`);
  }
  if (holes === 0) {
    if (!sameDim(total, known)) {
      call.fail(
        "elements",
        `${call.op}: ${shapeText(x.dims)} has ${printDim(total)} elements, ${shapeText(target)} has ${known}`,
      );
    }
    return target;
  }
  const rest = divideDim(total, known);
  if (rest === undefined) {
    return call.fail(
      "elements",
      `${call.op}: ${printDim(total)} elements of ${shapeText(x.dims)} do not fill ${shapeText(target)}`,
    );
  }
  return target.map((d) => (d === -1 ? rest : d));
}

export const catRule: ShapeRule = (call) => {
  const tensors = call.operands.map((_, i) => tensorAt(call, i));
  const first = tensors[0] ?? call.fail("kind", `${call.op}: at least one tensor is needed here, got none`);
  if (first.dims.length === 0) call.fail("rank", "cat: a tensor without dimensions cannot be joined");
  const at = axis(call, first.dims.length, int(call, "dim"));
  let size: Dim = 0;
  for (const t of tensors) {
    if (t.dtype !== first.dtype)
      call.fail("dtype", `cat: ${first.dtype} and ${t.dtype} do not mix; cast one of them`);
    const agree =
      t.dims.length === first.dims.length && t.dims.every((d, i) => i === at || sameDim(d, first.dims[i]!));
    if (!agree)
      call.fail(
        "shape",
        `cat: ${shapeText(first.dims)} and ${shapeText(t.dims)} differ outside dimension ${at}`,
      );
    size = addDims(size, t.dims[at]!);
  }
  return [
    tensorType(
      first.dims.map((d, i) => (i === at ? size : d)),
      first.dtype,
    ),
  ];
};

export const indexSelectRule: ShapeRule = (call) => {
  const [x, index] = [tensorAt(call, 0), tensorAt(call, 1)];
  rankOf(call, index, 1, "the index");
  indexDtype(call, index);
  const at = axis(call, x.dims.length, int(call, "dim"));
  return [
    tensorType(
      x.dims.map((d, i) => (i === at ? index.dims[0]! : d)),
      x.dtype,
    ),
  ];
};

export function indexDtype(call: ShapeCall, index: TensorType): void {
  if (index.dtype !== "i64") call.fail("dtype", `${call.op}: an index must be i64, got ${index.dtype}`);
}

/** index_copy, index_add and their in-place forms: `source` replaces the slices of `self` that `index` names. */
export const indexWriteRule =
  (inPlace: boolean): ShapeRule =>
  (call) => {
    const [x, index, source] = [tensorAt(call, 0), tensorAt(call, 1), tensorAt(call, 2)];
    rankOf(call, index, 1, "the index");
    indexDtype(call, index);
    sameDtype(call, [x, source]);
    const at = axis(call, x.dims.length, int(call, "dim"));
    const expected = x.dims.map((d, i) => (i === at ? index.dims[0]! : d));
    if (expected.length !== source.dims.length || expected.some((d, i) => !sameDim(d, source.dims[i]!))) {
      call.fail(
        "shape",
        `${call.op}: the source must be ${shapeText(expected)}, got ${shapeText(source.dims)}`,
      );
    }
    return inPlace ? [] : [x];
  };

/** gather and scatter: the index has the rank of `self`; along other dimensions it may not be larger. */
export function sameRankIndex(call: ShapeCall, x: TensorType, index: TensorType): void {
  indexDtype(call, index);
  const at = axis(call, x.dims.length, int(call, "dim"));
  const fits =
    index.dims.length === x.dims.length &&
    index.dims.every(
      (d, i) =>
        i === at ||
        sameDim(d, x.dims[i]!) ||
        (typeof d === "number" && typeof x.dims[i] === "number" && d <= (x.dims[i] as number)),
    );
  if (!fits)
    call.fail(
      "shape",
      `${call.op}: index ${shapeText(index.dims)} does not fit ${shapeText(x.dims)} along dimension ${at}`,
    );
}

/** pad: pairs of how much is added (or, if constant, cut off) before and behind, the last dimension first. */
export const padRule: ShapeRule = (call) => {
  const x = tensorAt(call, 0);
  const pad = ints(call, "pad");
  const mode = call.attributes.mode as string;
  const rank = x.dims.length;
  oneOf(call, "mode", PAD_MODES);
  if (pad.length % 2 !== 0)
    call.fail("size", `pad: pairs are needed, before and behind each dimension; got [${pad.join(", ")}]`);
  const pairs = pad.length / 2;
  if (pairs > rank) call.fail("rank", `pad: ${pairs} pairs for the dimensions of ${shapeText(x.dims)}`);
  const value = call.attributes.value as number;
  if (mode !== "constant") {
    realTensor(call, x);
    if (pairs < 1 || pairs > 3 || rank - pairs < 1 || rank - pairs > 2)
      call.fail(
        "rank",
        `pad: "${mode}" takes one to three pairs, for all dimensions but the first one or two; got ${pairs} for ${shapeText(x.dims)}`,
      );
    if (value !== 0) call.fail("size", `pad: "${mode}" fills with what is there, and not with ${value}`);
  } else if (!isFloat(x.dtype) && !Number.isInteger(value)) {
    call.fail("dtype", `pad: ${value} is no value of ${printType(x)}`);
  }
  const dims = x.dims.map((size, i) => {
    const at = 2 * (rank - 1 - i);
    const [before = 0, behind = 0] = [pad[at], pad[at + 1]];
    const limit = PAD_MODES[mode]!;
    if (mode !== "constant" && Math.min(before, behind) < 0)
      call.fail("size", `pad: "${mode}" cuts nothing off, got [${pad.join(", ")}]`);
    const cut = Math.max(-before, 0) + Math.max(-behind, 0);
    if (typeof size === "number" && (Math.max(before, behind) > limit(size) || cut > size))
      call.fail(
        "size",
        cut > size
          ? `pad: [${pad.join(", ")}] cuts more off than dimension ${i} of ${shapeText(x.dims)} has`
          : `pad: "${mode}" adds at most ${limit(size)} on a side of dimension ${i} of ${shapeText(x.dims)}, got ${Math.max(before, behind)}`,
      );
    return addDims(size, before + behind);
  });
  return [tensorType(dims, x.dtype)];
};

/** How much may be added on a side of a dimension of some size. */
const PAD_MODES: Readonly<Record<string, (size: number) => number>> = {
  constant: () => Number.POSITIVE_INFINITY,
  reflect: (size) => size - 1,
  replicate: () => Number.POSITIVE_INFINITY,
  circular: (size) => size,
};

/** Refuses a word that is none of those that an attribute may be. */
export function oneOf(call: ShapeCall, name: string, words: Readonly<Record<string, unknown>>): void {
  const given = call.attributes[name] as string;
  if (!Object.hasOwn(words, given))
    call.fail("size", `${call.op}: \`${name}\` is one of ${Object.keys(words).join(", ")}; got "${given}"`);
}

export const groupLike: ShapeRule = (call) => {
  const first = call.operands[0];
  if (first?.kind !== "group") call.fail("kind", `${call.op} needs a group of tensors`);
  const other = call.operands[1];
  if (other?.kind === "group" && other.group !== (first as { group: string }).group) {
    call.fail(
      "shape",
      `${call.op}: the groups ${(first as { group: string }).group} and ${other.group} have different members`,
    );
  }
  return [first as Type];
};
