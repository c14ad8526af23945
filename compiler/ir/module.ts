/**
 * @file The IR: typed SSA with single-block regions. All values are immutable plain data; identity is by id,
 * names are for people. `docs/ir.md` specifies the form and its constraints.
 */
import type { Dim } from "./dim.js";
import type { OpName } from "./op-name.js";

/** Major: a reader of another major refuses. Minor: additions that an older reader of the same major may lack. */
export const IR_VERSION = [1, 3] as const;

export const DTYPES = ["f16", "bf16", "f32", "f64", "i32", "i64", "u8", "bool"] as const;
export type DType = (typeof DTYPES)[number];
export type ScalarType = "f64" | "i64" | "bool";

export interface TensorType {
  readonly kind: "tensor";
  readonly dims: readonly Dim[];
  readonly dtype: DType;
}
export interface ScalarValueType {
  readonly kind: "scalar";
  readonly scalar: ScalarType;
}
/** A list of tensors: the storages of a named group, or something computed for each of them. */
export interface GroupType {
  readonly kind: "group";
  readonly group: string;
}
export type Type = TensorType | ScalarValueType | GroupType;

export const tensorType = (dims: readonly Dim[], dtype: DType): TensorType => ({
  kind: "tensor",
  dims,
  dtype,
});
export const scalarType = (scalar: ScalarType): ScalarValueType => ({ kind: "scalar", scalar });
export const groupType = (group: string): GroupType => ({ kind: "group", group });

/** A place in a source; `parent` is the call that was inlined to get here. */
export interface Location {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly parent?: Location | undefined;
  /**
   * More places, for an op that computes what is written in several; `path`, `start` and `end` are the first. Since 1.1.
   */
  readonly also?: readonly Location[] | undefined;
}

const samePlace = (a: Location | undefined, b: Location | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.path === b.path &&
    a.start === b.start &&
    a.end === b.end &&
    samePlace(a.parent, b.parent));

/** The location of an op that computes what is written in two places. */
export function fuse(first: Location, second: Location): Location {
  const places = [first, ...(first.also ?? [])];
  const more = [second, ...(second.also ?? [])].filter((s) => !places.some((p) => samePlace(p, s)));
  if (more.length === 0) return first;
  return { ...first, also: [...places.slice(1), ...more.map(({ also: _, ...place }) => place)] };
}

export interface Value {
  readonly id: number;
  readonly name: string;
  readonly type: Type;
}

export type AttributeValue = number | boolean | string | readonly number[];

/** `Name`: what an op may be called: any text in a program that was read and is not verified yet. */
export interface Op<Name extends string = OpName> {
  readonly op: Name;
  /** `undefined` stands for an optional operand that is absent. */
  readonly operands: readonly (Value | undefined)[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly results: readonly Value[];
  readonly regions: readonly Region<Name>[];
  readonly location: Location;
}

export interface Region<Name extends string = OpName> {
  readonly args: readonly Value[];
  readonly ops: readonly Op<Name>[];
}

export type Init =
  | { readonly kind: "zeros" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly mean: number; readonly std: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "kaiming_normal" | "kaiming_uniform"; readonly fan: "in" | "out"; readonly gain: number }
  | { readonly kind: "xavier_uniform"; readonly gain: number }
  | { readonly kind: "unit_rows"; readonly distribution: "normal" | "uniform" }
  | { readonly kind: "copy"; readonly of: string }
  /** A tensor of a safetensors file, which the program is given under a name. Since 1.2. */
  | { readonly kind: "file"; readonly file: string; readonly tensor: string };

/**
 * What a stored tensor is for. `parameter`: a net is made of it. `state`: the step itself reads and writes it, such as running
 * statistics, a pool, a twin. `optimizer`: updates keep it from one to the next. `scratch`: a step works in it, and writes it before it
 * reads it; nobody saves it. Since 1.3.
 */
export const ROLES = ["parameter", "state", "optimizer", "scratch"] as const;
export type Role = (typeof ROLES)[number];

/** A tensor that lives from step to step. */
export interface Storage {
  readonly name: string;
  readonly type: TensorType;
  readonly init: Init;
  /** Since 1.2, as are the next three. */
  readonly role: Role;
  /** The parameter that the optimizer keeps this for. */
  readonly slotOf?: string | undefined;
  /** The storage of the original that this is in a twin. */
  readonly twinOf?: string | undefined;
  /** Of a parameter: the optimizer leaves it alone. Absent: it moves it. */
  readonly trainable?: false | undefined;
  /** Of a parameter: the optimizer moves rows of it, which lie in scratch, and never the whole. Since 1.3, as is the next. */
  readonly byRows?: true | undefined;
  /** Of scratch: the parameter by rows, or the slot of one, whose rows it holds for a step. */
  readonly rowsOf?: string | undefined;
  /** The order of its elements in memory; absent: the last dimension varies fastest. Changes no value. Since 1.1. */
  readonly layout?: "channels_last" | undefined;
  readonly location: Location;
}

/** Whether the optimizer moves a storage, and the gradient is taken by it: a parameter, or rows of one. */
export const isTrained = ({ role, trainable, byRows, rowsOf, slotOf }: Storage): boolean =>
  role === "parameter"
    ? trainable !== false && !byRows
    : role === "scratch" && rowsOf !== undefined && slotOf === undefined;

export type InputSource =
  | { readonly kind: "images"; readonly stream: string }
  | { readonly kind: "plan" }
  | { readonly kind: "argument" };

export interface FunctionInput {
  readonly value: Value;
  readonly source: InputSource;
}

export interface IrFunction<Name extends string = OpName> {
  readonly name: string;
  readonly inputs: readonly FunctionInput[];
  readonly results: readonly { readonly name: string; readonly type: Type }[];
  readonly body: Region<Name>;
  readonly location: Location;
}

export interface Group {
  readonly name: string;
  readonly members: readonly string[];
}

export interface IrModule<Name extends string = OpName> {
  readonly name: string;
  readonly sources: readonly { readonly path: string; readonly text: string }[];
  readonly storages: readonly Storage[];
  readonly groups: readonly Group[];
  readonly functions: readonly IrFunction<Name>[];
}

/** A program as it was read: trust begins where the verifier ends (`verified`). */
export type UnverifiedModule = IrModule<string>;
export type UnverifiedFunction = IrFunction<string>;
export type UnverifiedRegion = Region<string>;
export type UnverifiedOp = Op<string>;

/** Every op of a region and of the regions inside it, in program order. */
export function* walkOps<Name extends string>(region: Region<Name>): Generator<Op<Name>> {
  for (const op of region.ops) {
    yield op;
    for (const inner of op.regions) yield* walkOps(inner);
  }
}

/** An op and all ops in its regions. */
export const withNested = <Name extends string>(op: Op<Name>): readonly Op<Name>[] => [
  op,
  ...op.regions.flatMap((region) => [...walkOps(region)]),
];

/** The values that an op, or one in its regions, uses. */
export const usedBy = (op: Op): readonly Value[] =>
  withNested(op).flatMap(({ operands }) => operands.filter((v) => v !== undefined));
