/** @file What the registry says of an op. Everything else about ops is generated from, or checked against, this. */
import type { AttributeValue, ScalarType, Type } from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";

export type OperandKind = "tensor" | "f64" | "i64" | "bool" | "group";
/**
 * `floats` are finite numbers, any number of them. `dtype`, `storage`, `group` and `layout` are strings on the wire; a group is
 * named for its storages, a layout for how many members a list has, and of which shapes. `count` is how many members the
 * first operand, a list, has: an int that nobody writes.
 */
export type AttributeType =
  | "int"
  | "float"
  | "bool"
  | "str"
  | "ints"
  | "floats"
  | "dtype"
  | "storage"
  | "group"
  | "layout"
  | "count"
  | "scalar";
/**
 * What an op does beside making its results, where it has no regions; those that have some do what these do.
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

/** One way to call torch. `when` picks it by the kind of an operand: tensor, scalar or none; `having` by what attributes are. */
export interface TorchCall {
  readonly when?: Readonly<Record<string, "tensor" | "scalar" | "group" | "none">>;
  readonly having?: Readonly<Record<string, string | boolean>>;
  readonly target: string;
  readonly args: readonly string[];
}

/** What a shape rule sees: the operands' types, the attributes, and a way to refuse. */
export interface ShapeCall {
  readonly op: string;
  readonly operands: readonly (Type | undefined)[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Ends the rule with a diagnostic: which constraint failed, in words, and what to do, if the rule knows. */
  fail(kind: ShapeFailure, message: string, hint?: string): never;
}
export type ShapeFailure = "shape" | "rank" | "dtype" | "dim" | "elements" | "size" | "kind" | "statistics";
export type ShapeRule = (call: ShapeCall) => readonly Type[];

/** A region of an op: what its arguments are, and what becomes of what it yields. */
export interface RegionSpec {
  readonly name: string;
  /** In order: the turn's number (i64), and all values that the op carries from turn to turn. */
  readonly arguments: readonly ("counter" | "carried")[];
  /** The op's results, with which the next turn begins; or a bool: whether there is a next turn. */
  readonly yields: "results" | "condition";
}

/** How an op runs its regions. */
export interface ControlSpec {
  /** `choice`: the first region where `by` holds, the second otherwise. `count`: `by` times. `condition`: as long as one yields true. */
  readonly runs: "once" | "choice" | "count" | "condition";
  /** The operand that decides, if one does. */
  readonly by?: string;
  /** The operand, the last and of any number, that the carried values begin with. */
  readonly carries?: string;
  readonly regions: readonly RegionSpec[];
  /** `unrecorded`: nothing inside has a history. `again`: what is computed inside is computed again for the gradient. */
  readonly gradient?: "unrecorded" | "again";
  /** Those that stand next to each other, and need nothing of each other, may run at the same time. */
  readonly concurrent?: true;
  /** What is inside is computed in the types that it declares, whatever the precision pass does around it. */
  readonly precision?: "declared";
}

/** What an op takes derivatives of, and by what; its operands by name. */
export interface DerivativeSpec {
  /** The group of parameters. */
  readonly by: string;
  /** A loss: one real number. */
  readonly loss?: string;
  /** Outputs, as many cotangents, then leaves; the attribute `outputs` says how many. */
  readonly products?: string;
}

/** Algebra that the fold pass may use: true to the last bit. */
export interface Traits {
  /** Done twice it gives back what it was given. */
  readonly involution?: boolean;
  /** Done twice it gives what it gives once. */
  readonly idempotent?: boolean;
  /** With this number on the right it gives back what stands on the left. */
  readonly neutral?: number;
  /** It gives back its operand where the result has the operand's type. */
  readonly identity?: "same type";
  /** A value of the result depends on the values at its own place only. */
  readonly pointwise?: boolean;
  /** Images come out in the order, in memory, in which they go in. */
  readonly keepsLayout?: boolean;
  /** The numbers that it takes are limits, which rounding would move. */
  readonly limits?: boolean;
}

export interface OpSpec {
  readonly name: OpName;
  readonly family: string;
  /** First sentence: what it computes. */
  readonly doc: string;
  readonly operands: readonly OperandSpec[];
  readonly attributes: readonly AttributeSpec[];
  /** The order in which a call gives operands and attributes, by name; absent: the operands, then the attributes. */
  readonly order?: readonly string[];
  /** Result kinds; `*` for an op with regions, whose results are what its regions yield. */
  readonly results: readonly (OperandKind | "*")[];
  readonly effect: Effect;
  readonly constraints: readonly string[];
  /** `declared`: an op says the types of its results itself: what it names, or what its regions yield. */
  readonly shape: ShapeRule | "declared";
  /** Of an op on scalars: `joined` is i64 where all operands are, else f64. Its shape rule and the host's check follow from it. */
  readonly scalarResult?: ScalarType | "joined";
  readonly calls: readonly TorchCall[];
  /** What an op on scalars computes, for folding; its device meaning is `calls`. */
  readonly compute?: (...values: never[]) => number | boolean;
  /** Absent: it has no regions. */
  readonly control?: ControlSpec;
  /** What it ends, and ends only. */
  readonly ends?: "region" | "function";
  /** The operands whose storage it changes: by itself, or on the side where the attribute `writesIf` holds. */
  readonly writes: readonly string[];
  readonly writesIf?: string;
  /** What it writes to it writes over, whole. */
  readonly overwrites?: boolean;
  readonly differentiates?: DerivativeSpec;
  /** Of an op in the midst of a forward pass: a derivative by values, of which others may be taken. */
  readonly derives?: DerivativeSpec;
  /** Its results have no history; those of `leaf` begin one, so that a derivative by them can be asked for. */
  readonly history?: "none" | "leaf";
  readonly traits: Traits;
  /** Its result may share memory with its first operand, as those of all views do; with any, where there may be any number. */
  readonly alias?: boolean;
  /**
   * Where the precision pass may compute it: `low` in the narrow type, `full` in f32, `first` in the type of its first
   * operand, `own` likewise with the others left as they are, `declared` in the types that its operands had before the pass.
   * Absent: in the widest type of its operands.
   */
  readonly precision?: "low" | "full" | "first" | "own" | "declared";
  /** Multiply-adds of a call for one sample, by the types of its operands and its result; absent: none that are worth counting. */
  readonly multiplyAdds?: (operands: readonly (Type | undefined)[], result: Type) => number;
  /**
   * The TypeScript signature, from its type parameters to its result, `self` being the tensor; absent for ops that
   * users do not call by name. `method`: also a method of Tensor.
   */
  readonly signature?: string;
  readonly method?: boolean;
  readonly example?: string;
}
