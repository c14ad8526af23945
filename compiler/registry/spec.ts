/** @file What the registry says of an op. Everything else about ops is generated from, or checked against, this. */
import type { AttributeValue, Type } from "../ir/module.js";

export type OperandKind = "tensor" | "f64" | "i64" | "bool" | "group";
/** `dims` are ints that may hold one -1 ("what is left"). `dtype`, `storage` and `group` are strings on the wire. */
export type AttributeType =
  | "int"
  | "float"
  | "bool"
  | "str"
  | "ints"
  | "dtype"
  | "storage"
  | "group"
  | "scalar";
/**
 * `write` changes storage, never under a gradient; `update` computes a differentiable result and moves statistics on
 * the side; `read` sees storage; `rng` draws random numbers. Only `pure` ops may be merged or dropped.
 */
export type Effect = "pure" | "rng" | "read" | "write" | "update" | "collective";

export interface OperandSpec {
  readonly name: string;
  readonly kinds: readonly OperandKind[];
  readonly optional?: boolean;
  readonly variadic?: boolean;
}

export interface AttributeSpec {
  readonly name: string;
  readonly type: AttributeType;
  /** Absent: the attribute must be given. */
  readonly default?: AttributeValue | null;
}

/** One way to call torch. `when` picks it by the kind of an operand: tensor, scalar or none. */
export interface TorchCall {
  readonly when?: Readonly<Record<string, "tensor" | "scalar" | "group" | "none">>;
  readonly target: string;
  readonly args: readonly string[];
}

/** What a shape rule sees: the operands' types, the attributes, and a way to refuse. */
export interface ShapeCall {
  readonly op: string;
  readonly operands: readonly (Type | undefined)[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Ends the rule with a diagnostic: which constraint failed, in words, and what helps where the rule knows it. */
  fail(kind: ShapeFailure, message: string, hint?: string): never;
}
export type ShapeFailure = "shape" | "rank" | "dtype" | "dim" | "elements" | "size" | "kind" | "statistics";
export type ShapeRule = (call: ShapeCall) => readonly Type[];

export interface OpSpec {
  readonly name: string;
  readonly family: string;
  /** First sentence: what it computes. */
  readonly doc: string;
  readonly operands: readonly OperandSpec[];
  readonly attributes: readonly AttributeSpec[];
  /** Result kinds; `*` for an op with regions, whose results are what its regions yield. */
  readonly results: readonly (OperandKind | "*")[];
  readonly effect: Effect;
  readonly constraints: readonly string[];
  readonly shape: ShapeRule;
  readonly calls: readonly TorchCall[];
  /** What an op on scalars computes, for folding; its device meaning is `calls`. */
  readonly compute?: (...values: never[]) => number | boolean;
  /** Its result may share memory with its first operand, as those of all views do. */
  readonly alias?: boolean;
  /**
   * Where the precision pass may compute it: `low` in the narrow type, `full` in f32, `first` in the type of its first
   * operand, `own` likewise with the others left as they are. Absent: in the widest type of its operands.
   */
  readonly precision?: "low" | "full" | "first" | "own";
  /**
   * The TypeScript signature, from its type parameters to its result, `self` being the tensor; absent for ops that
   * users do not call by name. `method`: also a method of Tensor.
   */
  readonly signature?: string;
  readonly method?: boolean;
  readonly example?: string;
}
