/** @file How many multiply-adds products take for one sample, from the types of their operands and their result. */
import { type Dim, forOne } from "../ir/dim.js";
import type { Type } from "../ir/module.js";

type Count = (operands: readonly (Type | undefined)[], result: Type) => number;

const dimsOf = (type: Type | undefined): readonly Dim[] => (type?.kind === "tensor" ? type.dims : []);
const size = (dims: readonly Dim[]) => dims.reduce<number>((n, dim) => n * forOne(dim), 1);

/** Each value of the result is a sum over a row of the weight, the second operand. */
export const ofRows: Count = ([, weight], result) => size(dimsOf(result)) * size(dimsOf(weight).slice(1));

/** Each value of the result is a sum over the last dimension of the first operand. */
export const ofMatrices: Count = ([self], result) => size(dimsOf(result)) * size(dimsOf(self).slice(-1));

/** Queries [..., L, E] times keys [..., S, E], and what comes of it times values. */
export const ofAttention: Count = ([query, key], result) =>
  (size(dimsOf(query)) + size(dimsOf(result))) * size(dimsOf(key).slice(-2, -1));
