import { type Dim, type Features, type Images, ops, type Tensor } from "f2c-dsl";
import { some } from "../accepted/shape-of.js";

type B = Dim<"B">;
type Q = Dim<"Q">;
const rows = some<Tensor<readonly [B, 512], "f32">>();
const others = some<Tensor<readonly [Q, 512], "f32">>();
const weight = some<Tensor<readonly [256, 512], "f32">>();
const images = some<Images<3>>();
const labels = some<Tensor<readonly [9], "i64">>();
const needsRows = (x: Features<512>) => x;
const needsBatch = (x: Tensor<readonly [B, 512], "f32">) => x;

// error: The types of '[dims].rank' are incompatible
needsRows(images);

// error: The types of '[dims][1]' are incompatible
needsRows(some<Features<256>>());

// error: Type '"Q"' is not assignable to type '"B"'
needsBatch(others);

// error: matmul: [B, 512] times [256, 512], the inner dimensions differ
rows.matmul(weight);

// error: matmul: [B, 512] times [9], the inner dimensions differ
rows.matmul(some<Tensor<readonly [9], "f32">>());

// error: linear: the input has 512 features, the weight takes 256
ops.linear(rows, weight.transpose(0, 1));

const [three, seven] = [some<Tensor<readonly [3], "f32">>(), some<Tensor<readonly [7], "f32">>()];

// error: Type '3' is not assignable to type '256'
ops.linear(rows, weight, three);

// error: Type '7' is not assignable to type '3'
ops.batch_norm(images, seven, null, three, three, { training: true });

// error: Type '7' is not assignable to type '3'
ops.batch_norm(images, null, null, three, seven, { training: true });

// error: batch_norm: the statistics are of 7 channels, dimension 1 of [?, 3, ?, ?]
ops.batch_norm(images, null, null, seven, seven, { training: true });

// error: [B, 512] and [Q, 512] do not broadcast
rows.add(others);

// error: [B, 512] and [256, 512] do not broadcast
rows.mul(weight);

// error: [B, 512] and [256, 512] do not broadcast
rows.gt(weight);

// error: [B, 512] and [256] do not broadcast
rows.sub(weight.mean(1));

// error: [256, 512] and [512, 256] do not broadcast
ops.where(weight.gt(0), weight, weight.transpose(0, 1));

// error: The types of '[dims][0]' are incompatible
ops.cross_entropy(some<Features<10, 8>>(), labels);

// error: The types of '[dims].rank' are incompatible
rows.index_select(some<Tensor<readonly [Q, 1], "i64">>());

// error: The types of '[dims][1]' are incompatible
rows.copy_(some<Tensor<readonly [B, 256], "f32">>());

// error: The types of '[dims].rank' are incompatible
export const scalar: Tensor<readonly [], "f32"> = rows.mean(1);

// error: The types of '[dims][1]' are incompatible
export const turned: Tensor<readonly [number, 3, 8, 9], "f32"> = some<
  Tensor<readonly [4, 3, 8, 9], "f32">
>().permute([0, 3, 1, 2]);

// error: Argument of type 'number' is not assignable to parameter of type 'Shape'
rows.reshape(-1);

// error: matmul: [4, 3, 8] times [5, 8, 2], the leading dimensions do not broadcast
some<Tensor<readonly [4, 3, 8], "f32">>().matmul(some<Tensor<readonly [5, 8, 2], "f32">>());

// error: masked_fill: a mask [256, 512] does not broadcast to [1, 512]
weight.amax(0, { keepdim: true }).masked_fill(weight.gt(0), 0);

// error: masked_fill: a mask [1, 256, 512] does not broadcast to [256, 512]
weight.masked_fill(weight.unsqueeze(0).gt(0), 0);

// error: The types of '[dims][1]' are incompatible
export const before: Tensor<readonly [B, 512, 1], "f32"> = rows.unsqueeze(-2);

// error: there is no dimension 2 in [256, 512]
weight.sum(2);

// error: there is no dimension -3 in [256, 512]
weight.mean([0, -3], { keepdim: true });

// error: there is no dimension 2 in [256, 512]
weight.argmax(2);

// error: there is no dimension 2 in [?, 512]
some<Features<512>>().softmax(2);

// error: there is no dimension 2 in [256, 512]
weight.transpose(0, 2);

// error: permute: [0, 1, 2] does not name every dimension of [256, 512] once
weight.permute([0, 1, 2]);

// error: permute: [0, -2] does not name every dimension of [256, 512] once
weight.permute([0, -2]);

// error: there is no dimension 5 in [256, 512]
weight.select(5, 0);

// error: there is no dimension 2 in [256, 512]
weight.slice(2, 0, 1);

// error: there is no dimension -3 in [256, 512]
weight.flip([-3]);

// error: there is no dimension 3 in [256, 512]
weight.index_select(labels, 3);

// error: a new dimension of [256, 512] cannot be -4
weight.unsqueeze(-4);

// error: a new dimension of [256, 512] cannot be 3
ops.stack([weight, weight], 3);

// error: there is no dimension 2 in [256, 512]
ops.cat([weight, weight], 2);

// error: matmul: [?, 3] times [4, 2], the inner dimensions differ
images.mean([2, 3]).matmul(some<Tensor<readonly [4, 2], "f32">>());

// error: The types of '[dims].rank' are incompatible
needsRows(ops.stack([weight, weight]));

// error: conv2d: the images have 3 channels, the weight takes 5
ops.conv2d(images, some<Tensor<readonly [8, 5, 3, 3], "f32">>(), null, { stride: [2, 2] });

// error: conv2d: the images have 3 channels, the weight takes 1
ops.conv2d(images, some<Tensor<readonly [8, 1, 3, 3], "f32">>(), null, { groups: 1 });

// error: cat: [256, 512] and [?, 256] differ outside dimension 0
ops.cat([weight, some<Features<256>>()]);

// error: cat: [256, 512] and [?, 3, ?, ?] differ outside dimension 1
ops.cat([weight, weight, images], 1);

// error: cat: f32 and i64 do not mix
ops.cat([weight.mean(1), labels]);

// error: stack: [256, 512] and [512, 256] differ
ops.stack([weight, weight.transpose(0, 1)]);

// error: [256, 512] cannot be [512, 256]
weight.as<[512, 256]>();

// error: [256, 512] cannot be [256, 512, 1]
weight.as<[256, 512, 1]>();

export const sums = <N extends number, M extends number>(
  x: Tensor<readonly [N, 8], "f32">,
  y: Tensor<readonly [M, 8], "f32">,
  z: Tensor<readonly [7], "f32">,
) => {
  // error: 'BroadcastsWith<readonly [N, 8], readonly [M, 8]>'
  x.add(y);
  // error: [?, 8] and [7] do not broadcast
  some<Features<8>>().add(z);
  // error: and [7] do not broadcast
  x.matmul(y.transpose(0, 1)).add(z);
};

// error: there is no dimension 2 in [B, 512]
rows.cumsum(2);

// error: there is no dimension 2 in [B, 512]
rows.sort(2);

// error: Type '"f64"' is not assignable to type '"f32"'
ops.scaled_dot_product_attention(rows, rows, some<Tensor<readonly [9, 7], "f64">>());
