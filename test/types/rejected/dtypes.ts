import { conv2d, type Features, type Images, normalize, ops, type Tensor } from "f2c-dsl";
import { some } from "../accepted/shape-of.js";

const pixels = some<Tensor<readonly [8, 3, 112, 112], "u8">>();
const scores = some<Features<10, 8>>();
const labels = some<Tensor<readonly [8], "i64">>();
const conv = conv2d(3, 8, { kernel: 3 });

// error: Type '"u8"' is not assignable to type '"f32"'
conv(pixels);

// error: Type '"f32"' is not assignable to type '"i64"'
ops.cross_entropy(scores, labels.to("f32"));

// error: Type '"f32"' is not assignable to type '"i64"'
ops.margin_softmax(scores, scores, scores.mean(1), scores.mean(1), 32);

// error: Type '"i64"' is not assignable to type '"f32"'
scores.transpose(0, 1).matmul(labels);

// error: Type '"i64"' is not assignable to type 'FloatDType'
labels.exp();

// error: Type '"bool"' is not assignable to type 'FloatDType'
scores.argmax(1).eq(labels).mean();

// error: Type '"u8"' is not assignable to type 'FloatDType'
normalize(pixels);

// error: Type '"f32"' is not assignable to type '"bool"'
scores.masked_fill(scores, 0);

// error: Type '"f32"' is not assignable to type '"bool"'
ops.where(scores, scores, 0);

// error: Type '"i64"' is not assignable to type '"f32"'
scores.maximum(labels.unsqueeze(1));

// error: Type '"f32"' is not assignable to type '"i64"'
scores.index_select(labels.mul(0.5));

// error: Type '"i64"' is not assignable to type 'FloatDType'
labels.mul(2).exp();

// error: Type '"f32"' is not assignable to type '"i64"'
scores.index_select(labels.clamp({ min: 0.5 }));

// error: Argument of type 'string' is not assignable to parameter of type 'number | Tensor<readonly [], "f32">'
scores.add("1");

// error: Argument of type 'null' is not assignable to parameter of type
scores.mul(null);

// error: Argument of type '"float32"' is not assignable to parameter of type 'DType'
labels.to("float32");

// error: Type '"f16"' is not assignable to type '"f32"'
export const half: Images = some<Images>().to("f16");
