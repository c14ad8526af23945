/** @file The op registry: one entry an op, the single source of both languages' tables. */
import { CONTROL, SCALAR_OPS } from "./ops/control.js";
import { ELEMENTWISE } from "./ops/elementwise.js";
import { LINEAR_ALGEBRA } from "./ops/linear-algebra.js";
import { GROUPS, STORAGE } from "./ops/storage.js";
import { INDEXING, REDUCTIONS, VIEWS } from "./ops/structure.js";
import type { OpSpec } from "./spec.js";

export const REGISTRY: readonly OpSpec[] = [
  ...ELEMENTWISE,
  ...LINEAR_ALGEBRA,
  ...VIEWS,
  ...REDUCTIONS,
  ...INDEXING,
  ...STORAGE,
  ...GROUPS,
  ...SCALAR_OPS,
  ...CONTROL,
];

export const OPS: ReadonlyMap<string, OpSpec> = new Map(REGISTRY.map((op) => [op.name, op]));
