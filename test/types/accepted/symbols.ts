// Symbolic sizes through ops: what the editor knows of each result.
import {
  type Dim,
  type DType,
  type Features,
  type Images,
  normalize,
  ops,
  type Shape,
  type Tensor,
} from "f2c-dsl";
import { dtypeOf, shapeOf, some } from "./shape-of.js";

type B = Dim<"B">;
type Q = Dim<"Q">;
const x = some<Tensor<readonly [B, 512], "f32">>();
const images = some<Tensor<readonly [B, 3, 8, 9], "u8">>();
const rows = some<Tensor<readonly [Q], "i64">>();
const weight = some<Tensor<readonly [10, 512], "f32">>();

shapeOf(normalize(x).matmul(weight.transpose(0, 1))) satisfies readonly [B, 10];
shapeOf(x.matmul(some<Tensor<readonly [512], "f32">>())) satisfies readonly [B];
shapeOf(ops.linear(x, weight)) satisfies readonly [B, 10];
shapeOf(x.index_select(rows)) satisfies readonly [Q, 512];
shapeOf(x.index_select(rows, 1)) satisfies readonly [B, Q];
shapeOf(x.mul(x).sum(1)) satisfies readonly [B];
shapeOf(x.mean(-1, { keepdim: true })) satisfies readonly [B, 1];
shapeOf(x.mean()) satisfies readonly [];
shapeOf(x.amax([0])) satisfies readonly [512];
shapeOf(x.argmax(1)) satisfies readonly [B];
shapeOf(x.sub(x.mean(1).unsqueeze(1)).div(x.norm(-1, { keepdim: true }))) satisfies readonly [B, 512];
shapeOf(x.add(1).mul(some<Tensor<readonly [512], "f32">>())) satisfies readonly [B, 512];
shapeOf(x.unsqueeze(1).mul(weight)) satisfies readonly [B, 10, 512];
shapeOf(x.gather(rows.unsqueeze(1), 1)) satisfies readonly [Q, 1];
shapeOf(images.permute([0, 2, 3, 1])) satisfies readonly [B, 8, 9, 3];
shapeOf(images.transpose(-1, 1)) satisfies readonly [B, 9, 8, 3];
shapeOf(images.select(1, 0)) satisfies readonly [B, 8, 9];
shapeOf(images.slice(1, 0, 1)) satisfies readonly [B, number, 8, 9];
shapeOf(images.reshape([-1, 3, 72])) satisfies readonly [number, 3, 72];
shapeOf(ops.cat([x, x])) satisfies readonly [number, 512];
shapeOf(ops.cat([x, x], 1)) satisfies readonly [B, number];
shapeOf(ops.one_hot(rows, 7)) satisfies readonly [Q, 7];
shapeOf(x.std(0)) satisfies readonly [512];
shapeOf(x.var(1, { correction: 0, keepdim: true })) satisfies readonly [B, 1];
shapeOf(x.sort(1)[1]) satisfies readonly [B, 512];
shapeOf(x.argsort()) satisfies readonly [B, 512];
shapeOf(x.cumsum(1).floor().remainder(2)) satisfies readonly [B, 512];
shapeOf(x.chunk(2, 1)[0]!) satisfies readonly [B, number];
shapeOf(x.pad([1, 1])) satisfies readonly [number, number];
shapeOf(ops.interpolate(images.to("f32"), [4, 5])) satisfies readonly [B, 3, 4, 5];
shapeOf(ops.scaled_dot_product_attention(x, weight, weight)) satisfies readonly [B, 512];
shapeOf(
  ops.tensor(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    "i64",
  ),
) satisfies readonly [2, 3];
shapeOf(ops.tensor(new Float32Array(4))) satisfies readonly [number];
shapeOf(ops.tensor([1, 2].map((i) => [i, i]))) satisfies readonly [number, number];

// Statistics, weights and biases of known or open sizes.
const [three, open] = [some<Tensor<readonly [3], "f32">>(), some<Tensor<readonly [number], "f32">>()];
const training = { training: true };
shapeOf(ops.batch_norm(images.to("f32"), open, null, three, open, training)) satisfies readonly [B, 3, 8, 9];
ops.batch_norm(some<Tensor<Shape, "f32">>(), three, three, three, three, training);
shapeOf(ops.linear(x, weight, open)) satisfies readonly [B, 10];
export const normed = <C extends number>(
  y: Tensor<readonly [B, C], "f32">,
  scale: Tensor<readonly [C], "f32">,
) => ops.batch_norm(y, scale, null, scale, scale, training);

// A new dimension counted from the end, products of batches, dimensions of high ranks.
const few = some<Tensor<readonly [4, 8], "f32">>();
const many = some<Tensor<readonly [5, 8, 2], "f32">>();
shapeOf(few.unsqueeze(-1)) satisfies readonly [4, 8, 1];
shapeOf(few.unsqueeze(-2)) satisfies readonly [4, 1, 8];
shapeOf(few.unsqueeze(-3)) satisfies readonly [1, 4, 8];
shapeOf(few.unsqueeze(2)) satisfies readonly [4, 8, 1];
shapeOf(few.matmul(many)) satisfies readonly [5, 4, 2];
shapeOf(few.unsqueeze(0).matmul(many)) satisfies readonly [5, 4, 2];
shapeOf(few.select(0, 1).matmul(many)) satisfies readonly [5, 2];
shapeOf(few.select(0, 1).matmul(few.select(0, 2))) satisfies readonly [];
shapeOf(many.transpose(-1, -2).matmul(few.select(0, 1))) satisfies readonly [5, 2];
shapeOf(x.unsqueeze(1).matmul(x.unsqueeze(2))) satisfies readonly [B, 1, 1];
shapeOf(some<Tensor<readonly [2, 3, 4, 5, 6, 7], "f32">>().select(-1, 0)) satisfies readonly [2, 3, 4, 5, 6];
shapeOf(few.masked_fill(few.select(0, 0).gt(0), 0)) satisfies readonly [4, 8];
// Tensors joined where their sizes agree or are open, and convolutions, grouped or not.
const open2 = some<Features>();
ops.cat([few, weight.slice(1, 0, 8), open2, some<Tensor<Shape, "f32">>(), some<Tensor>()]);
ops.cat([few, some<Tensor<readonly [4, 3], "f32">>()], -1);
ops.cat([few, weight], some<number>());
ops.stack([few, open2, some<Tensor<Shape, "f32">>()]);
const kernel = some<Tensor<readonly [6, 3, 3, 3], "f32">>();
const depthwise = some<Tensor<readonly [6, 1, 3, 3], "f32">>();
const groups = some<number>();
shapeOf(ops.conv2d(some<Images<3, 4>>(), kernel)) satisfies readonly [4, 6, number, number];
ops.conv2d(some<Images>(), kernel, null, { stride: [2, 2] });
ops.conv2d(some<Images<3>>(), depthwise, null, { groups: 3 });
ops.conv2d(some<Images<3>>(), depthwise, null, { groups });

// Several dimensions at once, and those that the editor cannot see.
const grid = some<Tensor<readonly [2, 3, 4, 5], "f32">>();
const [dim, dims, keepdim] = [some<number>(), some<number[]>(), some<boolean>()];
shapeOf(grid.mean([2, 3])) satisfies readonly [2, 3];
shapeOf(grid.mean([-1, 1])) satisfies readonly [2, 4];
shapeOf(grid.sum([0, -1], { keepdim: true })) satisfies readonly [1, 3, 4, 1];
shapeOf(ops.stack([few, few, few])) satisfies readonly [3, 4, 8];
shapeOf(ops.stack([few, few], -1)) satisfies readonly [4, 8, 2];
shapeOf(ops.stack(some<Tensor<readonly [4, 8], "f32">[]>())) satisfies readonly [number, 4, 8];
export const either: Tensor<readonly [2, 1, 4, 5], "f32"> = grid.sum(1, { keepdim });
shapeOf(grid.permute([-1, 0, -2, 1])) satisfies readonly [5, 2, 4, 3];
grid.sum(dim).mean(dims).softmax(dim).flip(dims).unsqueeze(dim).permute(dims).select(dim, 0);
grid.permute([dim, 0, 1, 2]).flip([dim, -4]);
some<Tensor<Shape, "f32">>().sum(6).softmax(-7).transpose(2, 3).permute([1, 0]).unsqueeze(9);

// Dtypes of results.
images.to("f32").div(255) satisfies Tensor<Shape, "f32">;
images.div(images) satisfies Tensor<Shape, "f32">;
images.sum() satisfies Tensor<readonly [], "i64">;
x.gt(0).logical_and(x.lt(1)) satisfies Tensor<Shape, "bool">;
x.gt(0).mul(x) satisfies Tensor<Shape, "f32">;
rows.mul(x.mean()) satisfies Tensor<Shape, "f32">;
rows.add(some<Tensor<readonly [Q], "i32">>()) satisfies Tensor<Shape, "i64">;

// A number raises the category of a dtype only, and so does a tensor of rank 0.
const whole = some<Tensor<readonly [4], "i64">>();
const flags = some<Tensor<readonly [4], "bool">>();
const narrow = some<Tensor<readonly [4], "bf16">>();
dtypeOf(whole.mul(2)) satisfies "i64";
dtypeOf(whole.mul(0.5)) satisfies "f32";
dtypeOf(whole.rsub(1e-3).exp()) satisfies "f32";
dtypeOf(whole.div(2)) satisfies "f32";
dtypeOf(flags.add(1)) satisfies "i64";
dtypeOf(flags.mul(-0.5)) satisfies "f32";
dtypeOf(narrow.mul(2).add(0.5).div(3)) satisfies "bf16";
dtypeOf(whole.clamp({ min: 0, max: 1 })) satisfies "i64";
dtypeOf(whole.clamp({ min: 0, max: 0.5 })) satisfies "f32";
dtypeOf(narrow.clamp({ min: 0.5 })) satisfies "bf16";
dtypeOf(ops.where(flags, whole, 0)) satisfies "i64";
dtypeOf(ops.where(flags, whole, 0.5)) satisfies "f32";
dtypeOf(ops.where(flags, narrow, whole)) satisfies "bf16";
dtypeOf(narrow.mul(some<Tensor<readonly [], "f32">>())) satisfies "bf16";
dtypeOf(some<Tensor<readonly [], "f32">>().mul(narrow)) satisfies "bf16";
dtypeOf(narrow.mul(some<Tensor<readonly [4], "f32">>())) satisfies "f32";
dtypeOf(narrow.sum().mul(some<Tensor<readonly [], "f64">>())) satisfies "f64";
dtypeOf(some<Tensor<readonly [4], "i32">>().add(whole.amax())) satisfies "i32";
dtypeOf(whole.div(narrow)) satisfies "bf16";
// Of a number that the editor does not know, the compiler decides for integers.
whole.mul(some<number>()).exp();
x.index_select(rows.add(some<number>()));
dtypeOf(narrow.mul(some<number>())) satisfies "bf16";

// A more exact type is the user's word, which the compiler checks.
shapeOf(some<Tensor<Shape, "f32">>().as<[B, 512]>()) satisfies readonly [B, 512];
shapeOf(few.as<[B, 8]>()) satisfies readonly [B, 8];
shapeOf(few.as<[number, 8]>()) satisfies readonly [number, 8];
shapeOf(x.as<[Q, 512]>().as<[4, 512]>()) satisfies readonly [4, 512];

// Unknown sizes and unknown ranks pass in both directions.
export const known: Tensor<readonly [B, 512], "f32"> = some<Tensor<readonly [number, number], "f32">>();
export const ranked: Tensor<readonly [B, 512], "f32"> = some<Tensor<Shape, "f32">>();
export const unknown: Tensor<Shape, "f32"> = ranked;
export const anything: Tensor<Shape, DType> = unknown;
x.add(some<Tensor<Shape, "f32">>()).matmul(some<Tensor<readonly [number, 3], "f32">>());
const [batch, features] = x.shape;
export const cells: number = batch * features;
