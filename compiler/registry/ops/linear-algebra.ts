/** @file Products, convolutions, normalisation, pooling: what nets are made of. */
import { type Dim, productOfDims, sameDim, sameDims } from "../../ir/dim.js";
import { type TensorType, tensorType } from "../../ir/module.js";
import { aten, attribute, family, having, tensor } from "../define.js";
import { ofAttention, ofMatrices, ofRows } from "../multiply-adds.js";
import {
  broadcastsTo,
  convRule,
  flag,
  floatLike,
  ints,
  linearRule,
  matmulRule,
  maybeTensorAt,
  oneOf,
  padRule,
  pairOf,
  poolRule,
  realTensor,
  sameDtype,
  shapeText,
  slopeRule,
  tensorAt,
} from "../shapes.js";
import type { OpSpec, ShapeCall, ShapeRule, TorchCall } from "../spec.js";

/** The ways to resample, and what computes each. */
const INTERPOLATION = {
  nearest: [aten("upsample_nearest2d.vec", "self", "size", "#None")],
  "nearest-exact": [aten("_upsample_nearest_exact2d.vec", "self", "size", "#None")],
  area: [aten("adaptive_avg_pool2d", "self", "size")],
  bilinear: smooth("bilinear"),
  bicubic: smooth("bicubic"),
} satisfies Readonly<Record<string, readonly TorchCall[]>>;

function smooth(mode: string): readonly TorchCall[] {
  const args = ["self", "size", "align_corners", "#None"];
  return [
    having({ antialias: true }, aten(`_upsample_${mode}2d_aa.vec`, ...args)),
    having({ antialias: false }, aten(`upsample_${mode}2d.vec`, ...args)),
  ];
}

const attentionRule: ShapeRule = (call) => {
  const [query, key, value, mask] = [0, 1, 2, 3].map((i) => maybeTensorAt(call, i)) as TensorType[];
  const tensors = [query!, key!, value!];
  for (const t of tensors) {
    realTensor(call, t);
    if (t.dims.length < 2)
      call.fail("rank", `${call.op}: [..., length, features] needed, got ${shapeText(t.dims)}`);
  }
  sameDtype(call, tensors);
  const [q, k, v] = tensors.map((t) => t.dims) as [readonly Dim[], readonly Dim[], readonly Dim[]];
  const before = q.slice(0, -2);
  const fits =
    sameDims(before, k.slice(0, -2)) &&
    sameDims(before, v.slice(0, -2)) &&
    sameDim(q.at(-1)!, k.at(-1)!) &&
    sameDim(k.at(-2)!, v.at(-2)!);
  if (!fits)
    call.fail(
      "shape",
      `${call.op}: query ${shapeText(q)}, key ${shapeText(k)} and value ${shapeText(v)} do not fit: [..., L, E], [..., S, E] and [..., S, V] are needed`,
    );
  if (mask) {
    if (mask.dtype !== "bool" && mask.dtype !== query!.dtype)
      call.fail("dtype", `${call.op}: the mask must be bool or ${query!.dtype}, got ${mask.dtype}`);
    if (flag(call, "is_causal")) call.fail("kind", `${call.op}: a mask and \`is_causal\` exclude each other`);
    const scores = [...before, q.at(-2)!, k.at(-2)!];
    if (!broadcastsTo(mask.dims, scores))
      call.fail(
        "shape",
        `${call.op}: a mask ${shapeText(mask.dims)} does not broadcast to ${shapeText(scores)}`,
      );
  }
  return [tensorType([...q.slice(0, -1), v.at(-1)!], query!.dtype)];
};

/** What batch normalisation takes and does, also where something stands behind it. */
const BATCH_NORM = {
  precision: "own",
  traits: { keepsLayout: true },
  operands: [
    tensor("self"),
    tensor("weight", "optional"),
    tensor("bias", "optional"),
    tensor("mean", "optional"),
    tensor("variance", "optional"),
  ],
  attributes: [
    attribute("training", "bool"),
    attribute("momentum", "float", 0.1),
    attribute("eps", "float", 1e-5),
  ],
  constraints: [
    "weight, bias, mean and variance are [C], C being dimension 1 of self",
    "in training, more than one value a channel: one is its own mean",
    "mean and variance are states; without them nothing is moved, in training only",
  ],
  effect: "update",
  writes: ["mean", "variance"],
  writesIf: "training",
  shape: (call: ShapeCall) => {
    const [x] = floatLike(call) as [ReturnType<typeof tensorAt>];
    const channels =
      x.dims[1] ?? call.fail("rank", `batch_norm: ${shapeText(x.dims)} has no channel dimension`);
    if (flag(call, "training") && productOfDims(x.dims.filter((_, i) => i !== 1)) === 1)
      call.fail(
        "statistics",
        `batch_norm: ${shapeText(x.dims)} has one value a channel, which training would normalise to 0 whatever it is`,
      );
    const statistics = [maybeTensorAt(call, 3), maybeTensorAt(call, 4)];
    if (statistics.includes(undefined) && (statistics.some(Boolean) || !flag(call, "training")))
      call.fail("kind", "batch_norm: running statistics come in pairs, and may be absent in training only");
    for (const [i, what] of [
      [1, "weight"],
      [2, "bias"],
      [3, "mean"],
      [4, "variance"],
    ] as const) {
      const t = maybeTensorAt(call, i);
      if (t && !(t.dims.length === 1 && sameDim(t.dims[0]!, channels))) {
        call.fail(
          "shape",
          `batch_norm: ${what} ${shapeText(t.dims)} for input ${shapeText(x.dims)} (channels are dimension 1)`,
        );
      }
    }
    return [x];
  },
} as const satisfies Partial<OpSpec>;

/** What batch normalisation takes with PReLU behind it, or without. */
const NORM_PRELU = [...BATCH_NORM.operands, tensor("slope", "optional")];
const secondOf = (operand: (typeof NORM_PRELU)[number]) => ({ ...operand, name: `${operand.name}_2` });

const normPreluRule: ShapeRule = (call) => {
  const results = BATCH_NORM.shape(call);
  const slope = maybeTensorAt(call, 5);
  if (slope) slopeRule(call, tensorAt(call, 0), slope);
  return results;
};

export const LINEAR_ALGEBRA: readonly OpSpec[] = family("linear algebra", {
  matmul: {
    precision: "low",
    doc: "The matrix product over the last two dimensions; leading dimensions broadcast.",
    operands: [tensor("self"), tensor("other")],
    constraints: ["the last dimension of self equals the second to last of other", "equal dtypes"],
    shape: matmulRule,
    multiplyAdds: ofMatrices,
    calls: [aten("matmul", "self", "other")],
    signature:
      "<A extends Shape, B extends Shape, D extends DType>(self: Tensor<A, D>, other: Tensor<B, NoInfer<D>> & InnerDimensionsAgree<A, B>): Tensor<Matmul<A, B>, D>",
    method: true,
    example: "const cosine = probe.matmul(pool.transpose(0, 1));",
  },
  linear: {
    precision: "low",
    doc: "`x W^T + b`, as torch.nn.functional.linear.",
    operands: [tensor("self"), tensor("weight"), tensor("bias", "optional")],
    constraints: ["weight is [O, I] and the last dimension of self is I", "bias is [O]"],
    shape: linearRule,
    multiplyAdds: ofRows,
    calls: [aten("linear", "self", "weight", "bias")],
    signature:
      "<S extends Shape, O extends number, I extends number, D extends FloatDType>(self: Tensor<S, D> & LastDimCheck<S, I>, weight: Tensor<readonly [O, I], NoInfer<D>>, bias?: Tensor<readonly [NoInfer<O>], NoInfer<D>> | null): Tensor<ReplaceLast<S, O>, D>",
  },
  conv2d: {
    precision: "low",
    doc: "The two-dimensional cross-correlation of images [N, C, H, W] with a weight [O, C/groups, KH, KW].",
    operands: [tensor("self"), tensor("weight"), tensor("bias", "optional")],
    attributes: [
      attribute("stride", "ints", [1, 1]),
      attribute("padding", "ints", [0, 0]),
      attribute("dilation", "ints", [1, 1]),
      attribute("groups", "int", 1),
    ],
    constraints: [
      "self has C channels, C/groups being dimension 1 of weight",
      "groups divides O",
      "the padded image is not smaller than the kernel",
    ],
    shape: convRule,
    multiplyAdds: ofRows,
    calls: [aten("conv2d", "self", "weight", "bias", "stride", "padding", "dilation", "groups")],
    signature:
      "<D extends FloatDType, N extends number, C extends number, O extends number, I extends number, const G extends number = 1>(self: Tensor<readonly [N, C, number, number], D>, weight: Tensor<readonly [O, I, number, number], NoInfer<D>> & ConvCheck<C, I, G>, bias?: Tensor<readonly [NoInfer<O>], NoInfer<D>> | null, options?: ConvOptions<G>): Tensor<readonly [N, O, number, number], D>",
  },
  max_pool2d: {
    traits: { keepsLayout: true },
    doc: "The largest value of each window.",
    operands: [tensor("self")],
    attributes: [
      attribute("kernel", "ints"),
      attribute("stride", "ints"),
      attribute("padding", "ints", [0, 0]),
    ],
    shape: poolRule,
    calls: [aten("max_pool2d", "self", "kernel", "stride", "padding")],
    signature:
      "<N extends number, C extends number, D extends FloatDType>(self: Tensor<readonly [N, C, number, number], D>, options: PoolOptions): Tensor<readonly [N, C, number, number], D>",
  },
  avg_pool2d: {
    traits: { keepsLayout: true },
    doc: "The mean of each window; padding counts as zeros.",
    operands: [tensor("self")],
    attributes: [
      attribute("kernel", "ints"),
      attribute("stride", "ints"),
      attribute("padding", "ints", [0, 0]),
    ],
    shape: poolRule,
    calls: [aten("avg_pool2d", "self", "kernel", "stride", "padding")],
    signature:
      "<N extends number, C extends number, D extends FloatDType>(self: Tensor<readonly [N, C, number, number], D>, options: PoolOptions): Tensor<readonly [N, C, number, number], D>",
  },
  adaptive_avg_pool2d: {
    doc: "The mean of each of `size` = [height, width] equal windows.",
    operands: [tensor("self")],
    attributes: [attribute("size", "ints")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      if (x.dims.length !== 4)
        call.fail("rank", `adaptive_avg_pool2d: images [N, C, H, W] needed, got ${shapeText(x.dims)}`);
      realTensor(call, x);
      pairOf(call, "size", 1);
      return [tensorType([x.dims[0]!, x.dims[1]!, ...ints(call, "size")], x.dtype)];
    },
    calls: [aten("adaptive_avg_pool2d", "self", "size")],
    signature:
      "<N extends number, C extends number, D extends FloatDType>(self: Tensor<readonly [N, C, number, number], D>, size: readonly [number, number]): Tensor<readonly [N, C, number, number], D>",
  },
  grid_sample: {
    doc: "Images resampled, bilinear: pixel (x, y) of image n of the result comes from the place grid[n, y, x] = (u, v) of image n, -1 being the image's left or upper edge and 1 the other. A place beyond the edge gets the pixel at the edge.",
    operands: [tensor("self"), tensor("grid")],
    constraints: ["self is [N, C, H, W], grid [N, h, w, 2]", "equal dtypes"],
    shape: (call) => {
      const [x, grid] = [tensorAt(call, 0), tensorAt(call, 1)];
      realTensor(call, x);
      sameDtype(call, [x, grid]);
      if (x.dims.length !== 4)
        call.fail("rank", `grid_sample: images [N, C, H, W] needed, got ${shapeText(x.dims)}`);
      const [n, h, w, two] = grid.dims;
      if (grid.dims.length !== 4 || !sameDim(n!, x.dims[0]!) || two !== 2) {
        call.fail(
          "shape",
          `grid_sample: a grid [N, h, w, 2] needed for images ${shapeText(x.dims)}, got ${shapeText(grid.dims)}`,
        );
      }
      return [tensorType([x.dims[0]!, x.dims[1]!, h!, w!], x.dtype)];
    },
    calls: [aten("grid_sampler", "self", "grid", "#0", "#1", "#False")],
    signature:
      "<N extends number, C extends number, H extends number, W extends number, D extends FloatDType>(self: Tensor<readonly [N, C, number, number], D>, grid: Tensor<readonly [NoInfer<N>, H, W, 2], NoInfer<D>>): Tensor<readonly [N, C, H, W], D>",
  },
  interpolate: {
    precision: "full",
    traits: { keepsLayout: true },
    doc: "Images resampled to `size` = [height, width], by one of the modes of torch.nn.functional.interpolate. `antialias` widens the filter where they get smaller.",
    operands: [tensor("self")],
    attributes: [
      attribute("size", "ints"),
      attribute("mode", "str", "nearest"),
      attribute("align_corners", "bool", false),
      attribute("antialias", "bool", false),
    ],
    constraints: ["align_corners and antialias are of bilinear and bicubic, antialias of f32 and f64"],
    shape: (call) => {
      const x = tensorAt(call, 0);
      if (x.dims.length !== 4)
        call.fail("rank", `interpolate: images [N, C, H, W] needed, got ${shapeText(x.dims)}`);
      realTensor(call, x);
      pairOf(call, "size", 1);
      oneOf(call, "mode", INTERPOLATION);
      const mode = call.attributes.mode as string;
      for (const option of ["align_corners", "antialias"])
        if (flag(call, option) && !mode.startsWith("bi"))
          call.fail("size", `interpolate: \`${option}\` is of bilinear and bicubic, not of ${mode}`);
      if (flag(call, "antialias") && x.dtype !== "f32" && x.dtype !== "f64")
        call.fail(
          "dtype",
          `interpolate: \`antialias\` is of f32 and f64, not of ${x.dtype}; cast with .to("f32")`,
        );
      return [tensorType([x.dims[0]!, x.dims[1]!, ...ints(call, "size")], x.dtype)];
    },
    calls: Object.entries(INTERPOLATION).flatMap(([mode, calls]) =>
      calls.map(({ having, ...call }) => ({ having: { mode, ...having }, ...call })),
    ),
    signature:
      '<N extends number, C extends number, D extends FloatDType, const H extends number, const W extends number>(self: Tensor<readonly [N, C, number, number], D>, size: readonly [H, W], options?: { mode?: "nearest" | "nearest-exact" | "area" | "bilinear" | "bicubic"; align_corners?: boolean; antialias?: boolean }): Tensor<readonly [N, C, H, W], D>',
    example: 'const small = ops.interpolate(x, [56, 56], { mode: "bilinear", antialias: true });',
  },
  pad: {
    doc: "Adds to the ends of dimensions: `pad` holds how much before and how much behind, pair by pair, the last dimension first. A constant `value`, or what is there: reflected without its edge, the edge repeated, or around from the other end. A negative number cuts off.",
    operands: [tensor("self")],
    attributes: [
      attribute("pad", "ints"),
      attribute("mode", "str", "constant"),
      attribute("value", "float", 0),
    ],
    constraints: ["reflect, replicate and circular are for all dimensions but the first one or two"],
    shape: padRule,
    calls: [aten("pad", "self", "pad", "mode", "value")],
    signature:
      '<S extends Shape, D extends DType>(self: Tensor<S, D>, pad: readonly number[], mode?: "constant" | "reflect" | "replicate" | "circular", value?: number): Tensor<Resized<S>, D>',
    method: true,
    example: 'const framed = x.pad([1, 1, 1, 1], "reflect");',
  },
  scaled_dot_product_attention: {
    precision: "low",
    doc: "softmax(query key^T * scale + attn_mask) value, over the last two dimensions. A bool mask holds where a query may look; `scale` is 1/sqrt(E) unless it is given.",
    operands: [tensor("query"), tensor("key"), tensor("value"), tensor("attn_mask", "optional")],
    attributes: [attribute("is_causal", "bool", false), attribute("scale", "float", null)],
    constraints: [
      "query is [..., L, E], key [..., S, E], value [..., S, V], equal before",
      "the mask is bool or of their dtype, and broadcasts to [..., L, S]",
      "a mask, or is_causal",
    ],
    shape: attentionRule,
    multiplyAdds: ofAttention,
    calls: [
      aten(
        "scaled_dot_product_attention",
        "query",
        "key",
        "value",
        "attn_mask",
        "#0.0",
        "is_causal",
        "scale=scale",
      ),
    ],
    signature:
      '<S extends Shape, V extends Shape, D extends FloatDType>(query: Tensor<S, D>, key: Tensor<Shape, NoInfer<D>>, value: Tensor<V, NoInfer<D>>, attn_mask?: Tensor<Shape, NoInfer<D> | "bool"> | null, options?: { is_causal?: boolean; scale?: number }): Tensor<ReplaceLast<S, Last<V>>, D>',
  },
  batch_norm: {
    ...BATCH_NORM,
    doc: "Batch normalisation over every dimension but 1 (Ioffe and Szegedy 2015). In training it normalises with the batch's statistics and moves the running ones by `momentum`; otherwise it uses the running ones.",
    calls: [
      aten(
        "batch_norm",
        "self",
        "weight",
        "bias",
        "mean",
        "variance",
        "training",
        "momentum",
        "eps",
        "#True",
      ),
    ],
    signature:
      "<S extends Shape, D extends FloatDType, C extends number>(self: Tensor<S, D> & ChannelCheck<S, C>, weight: Tensor<readonly [NoInfer<C>], NoInfer<D>> | null, bias: Tensor<readonly [NoInfer<C>], NoInfer<D>> | null, mean: Tensor<readonly [C], NoInfer<D>>, variance: Tensor<readonly [NoInfer<C>], NoInfer<D>>, options: { training: boolean; momentum?: number; eps?: number }): Tensor<S, D>",
  },
  batch_norm_prelu: {
    ...BATCH_NORM,
    doc: "Batch normalisation as batch_norm does it, and prelu of what comes of it. The pass `fused-norms` makes it of the two.",
    operands: [...BATCH_NORM.operands, tensor("slope")],
    constraints: [...BATCH_NORM.constraints, "slope has shape [1] or [C]"],
    shape: normPreluRule,
    calls: [
      {
        target: "f2c::batch_norm_prelu",
        args: [...BATCH_NORM.operands.map(({ name }) => name), "slope", "training", "momentum", "eps"],
      },
    ],
  },
  norm_depthwise_norm: {
    ...BATCH_NORM,
    doc: "Batch normalisation of images, prelu where there is a slope, a convolution with a kernel for each channel, and behind it normalisation and prelu once more. The pass `depthwise-norms` makes it of them.",
    operands: [...NORM_PRELU, tensor("kernel"), ...NORM_PRELU.slice(1).map(secondOf)],
    attributes: [
      ...BATCH_NORM.attributes,
      attribute("stride", "ints", [1, 1]),
      attribute("padding", "ints", [0, 0]),
    ],
    constraints: ["of both normalisations, those of batch_norm_prelu", "kernel has shape [C, 1, KH, KW]"],
    writes: ["mean", "variance", "mean_2", "variance_2"],
    shape: (call) => {
      const given = (first: number) => NORM_PRELU.slice(1).map((_, i) => call.operands[first + i]);
      const [inner] = normPreluRule({ ...call, operands: [call.operands[0], ...given(1)] });
      const channels = (inner as TensorType).dims[1] as number;
      const attributes = { ...call.attributes, dilation: [1, 1], groups: channels };
      const [between] = convRule({
        ...call,
        operands: [inner, call.operands[NORM_PRELU.length]],
        attributes,
      });
      return normPreluRule({ ...call, operands: [between, ...given(NORM_PRELU.length + 1)] });
    },
    multiplyAdds: (operands, result) => ofRows([undefined, operands[NORM_PRELU.length]], result),
    calls: [
      {
        target: "f2c::norm_depthwise_norm",
        args: [
          ...NORM_PRELU.map(({ name }) => name),
          "kernel",
          ...NORM_PRELU.slice(1).map((operand) => secondOf(operand).name),
          "stride",
          "padding",
          "training",
          "momentum",
          "eps",
        ],
      },
    ],
  },
  layer_norm: {
    precision: "full",
    doc: "Normalises over the last dimension.",
    operands: [tensor("self"), tensor("weight", "optional"), tensor("bias", "optional")],
    attributes: [attribute("size", "ints"), attribute("eps", "float", 1e-5)],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const size = ints(call, "size");
      if (size.some((n, i) => !sameDim(n, x.dims[x.dims.length - size.length + i] ?? -1))) {
        call.fail("shape", `layer_norm: ${shapeText(x.dims)} does not end with ${shapeText(size)}`);
      }
      for (const t of [maybeTensorAt(call, 1), maybeTensorAt(call, 2)]) {
        if (t && (t.dims.length !== size.length || size.some((n, i) => !sameDim(n, t.dims[i]!))))
          call.fail("shape", `layer_norm: ${shapeText(t.dims)} for the last dimensions ${shapeText(size)}`);
        sameDtype(call, [x, t]);
      }
      return floatLike(call);
    },
    calls: [aten("layer_norm", "self", "size", "weight", "bias", "eps", "#True")],
    signature:
      "<S extends Shape, D extends FloatDType>(self: Tensor<S, D>, weight: Tensor<readonly [number], NoInfer<D>> | null, bias: Tensor<readonly [number], NoInfer<D>> | null, options: { size: readonly number[]; eps?: number }): Tensor<S, D>",
  },
});
