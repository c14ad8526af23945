/** @file The op registry: one entry an op, the single source of both languages' tables. */
import type { OpName } from "../ir/op-name.js";
import { CONTROL, SCALAR_OPS } from "./ops/control.js";
import { ELEMENTWISE } from "./ops/elementwise.js";
import { HEADS } from "./ops/heads.js";
import { LINEAR_ALGEBRA } from "./ops/linear-algebra.js";
import { RANDOM } from "./ops/random.js";
import { GROUPS, STORAGE } from "./ops/storage.js";
import { INDEXING, REDUCTIONS, VIEWS } from "./ops/structure.js";
import type { OpSpec } from "./spec.js";

export const REGISTRY: readonly OpSpec[] = [
  ...ELEMENTWISE,
  ...LINEAR_ALGEBRA,
  ...VIEWS,
  ...REDUCTIONS,
  ...INDEXING,
  ...HEADS,
  ...RANDOM,
  ...STORAGE,
  ...GROUPS,
  ...SCALAR_OPS,
  ...CONTROL,
];

/** By name: of an op of a program that was only read there may be none. */
export const OPS: ReadonlyMap<string, OpSpec> = new Map(REGISTRY.map((op) => [op.name, op]));

/** What the registry says of an op of a program that is built or verified. */
export const specOf = ({ op }: { readonly op: OpName }): OpSpec => OPS.get(op)!;
