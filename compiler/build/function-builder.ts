/** @file Builds one IR function op by op: fills defaults, checks operands, infers shapes. Knows ops, not syntax. */
import {
  type AttributeValue,
  type FunctionInput,
  fuse,
  type InputSource,
  type IrFunction,
  type Location,
  type Op,
  type Region,
  type ScalarType,
  scalarType,
  type Type,
  type Value,
  walkOps,
} from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { printType } from "../ir/print-type.js";
import { specOf } from "../registry/index.js";
import type { OpSpec, ShapeCall, ShapeFailure } from "../registry/spec.js";

/** An op was built that its rules do not allow. The front end turns this into a diagnostic at the call. */
export class OpRefusal extends Error {
  constructor(
    readonly failure: ShapeFailure | "operand" | "attribute",
    message: string,
    readonly operands: readonly (Value | undefined)[],
    /** The operand or attribute that is wrong, if it is a single one. */
    readonly about?: string,
    /** What to do instead, if the rule knows. */
    readonly hint?: string,
  ) {
    super(message);
  }
}

type MutableValue = { -readonly [K in keyof Value]: Value[K] };
export interface OpenRegion {
  readonly args: Value[];
  readonly ops: Op[];
}

/** What a region computed, and the region that computed it. */
export interface BuiltRegion<T> {
  readonly region: OpenRegion;
  readonly result: T;
}

export class FunctionBuilder {
  readonly inputs: FunctionInput[] = [];
  private nextId = 0;
  private readonly regions: OpenRegion[] = [{ args: [], ops: [] }];
  private readonly unnamed = new Set<number>();
  private readonly makers = new Map<number, Op>();

  constructor(readonly name: string) {}

  private value(name: string | undefined, type: Type): Value {
    const id = this.nextId++;
    if (name === undefined) this.unnamed.add(id);
    return { id, name: name ?? "", type };
  }

  input(name: string, type: Type, source: InputSource): Value {
    const value = this.value(name, type);
    this.inputs.push({ value, source });
    return value;
  }

  /** Takes back an input that no op uses. */
  withdraw(value: Value): void {
    const body: Region = { args: [], ops: this.ops };
    for (const op of walkOps(body)) if (op.operands.includes(value)) return;
    const at = this.inputs.findIndex((input) => input.value === value);
    if (at >= 0) this.inputs.splice(at, 1);
  }

  /** Gives a value the name that the user gave it, unless it has one already. */
  rename(value: Value, name: string): void {
    if (this.unnamed.delete(value.id)) (value as MutableValue).name = name;
  }

  private push(op: Op): void {
    this.regions.at(-1)!.ops.push(op);
    for (const result of op.results) this.makers.set(result.id, op);
  }

  /** The op that made a value, if one did. */
  makerOf(value: Value): Op | undefined {
    return this.makers.get(value.id);
  }

  /** Notes that the op which made these values also computes what is written at `place`. */
  fuse(values: readonly Value[], place: Location): void {
    const op = values[0] && this.makers.get(values[0].id);
    if (op) (op as { location: Location }).location = fuse(op.location, place);
  }

  constant(
    value: number | boolean,
    location: Location,
    type: ScalarType = typeof value === "boolean" ? "bool" : "f64",
  ): Value {
    const result = this.value(undefined, scalarType(type));
    const spelled = typeof value === "number" && !Number.isFinite(value) ? spellNonFinite(value) : value;
    this.push({
      op: "constant",
      operands: [],
      attributes: { value: spelled },
      results: [result],
      regions: [],
      location,
    });
    return result;
  }

  /** Emits an op of the registry. Refuses with an OpRefusal that says which rule was broken. */
  emit(
    name: OpName,
    operands: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue | undefined>>,
    location: Location,
    resultTypes?: readonly Type[],
  ): readonly Value[] {
    const spec = specOf({ op: name });
    const refuse: Refuse = (failure, message, about, hint) => {
      throw new OpRefusal(failure, message, operands, about ?? blamed(spec, failure, attributes), hint);
    };
    const complete = completeAttributes(spec, attributes, refuse);
    checkOperands(spec, operands, refuse);
    const types =
      resultTypes ??
      inferred(spec, {
        op: name,
        operands: operands.map((o) => o?.type),
        attributes: complete,
        fail: (failure, message, hint) => refuse(failure, message, undefined, hint),
      });
    const results = types.map((type) => this.value(undefined, type));
    this.push({ op: name, operands, attributes: complete, results, regions: [], location });
    return results;
  }

  /** Emits an op that was made before, on operands of the same types. */
  again(op: Op, operands: readonly (Value | undefined)[]): readonly Value[] {
    const results = op.results.map(({ type }) => this.value(undefined, type));
    this.push({ ...op, operands, results });
    return results;
  }

  /** Runs `body` with ops going into a region of their own. */
  region<T>(
    argTypes: readonly { name: string; type: Type }[],
    body: (args: readonly Value[]) => T,
  ): BuiltRegion<T> {
    const region: OpenRegion = { args: argTypes.map(({ name, type }) => this.value(name, type)), ops: [] };
    this.regions.push(region);
    try {
      return { region, result: body(region.args) };
    } finally {
      this.regions.pop();
    }
  }

  /** Runs `body` with ops going to the end of a region that is built but not finished. */
  reopen<T>(region: OpenRegion, body: () => T): T {
    this.regions.push(region);
    try {
      return body();
    } finally {
      this.regions.pop();
    }
  }

  /** How many regions are around the ops that are built now. */
  get depth(): number {
    return this.regions.length - 1;
  }

  /**
   * Puts an op on a value of the top level right behind where the value comes from. All that was built with the value, but for
   * writes to it, uses what the op gives; nothing for a value that is made in a region.
   */
  behind(value: Value, name: OpName, location: Location): Value | undefined {
    const { ops } = this.regions[0]!;
    const maker = ops.findIndex((op) => op.results.includes(value));
    if (maker < 0 && !this.inputs.some((input) => input.value === value)) return undefined;
    const result = this.value(value.name === "" ? undefined : value.name, value.type);
    const instead = (op: Op): Op => {
      const { operands: specs, writes } = specOf(op);
      const replaced: Op = {
        ...op,
        operands: op.operands.map((v, i) =>
          v === value && !writes.includes(specs[i]?.name ?? "") ? result : v,
        ),
        regions: op.regions.map((region) => ({ ...region, ops: region.ops.map(instead) })),
      };
      for (const made of op.results) this.makers.set(made.id, replaced);
      return replaced;
    };
    const after = ops.splice(maker + 1).map(instead);
    const op: Op = { op: name, operands: [value], attributes: {}, results: [result], regions: [], location };
    this.makers.set(result.id, op);
    ops.push(op, ...after);
    return result;
  }

  /** Appends the ops of a region that is built but not finished. */
  append(region: OpenRegion): void {
    this.regions.at(-1)!.ops.push(...region.ops);
  }

  /** Ends a region that `region` opened. */
  finish(region: OpenRegion, values: readonly Value[], location: Location): Region {
    region.ops.push({ op: "yield", operands: values, attributes: {}, results: [], regions: [], location });
    return region;
  }

  /** Emits an op with regions; its results have the types given. */
  structured(
    name: OpName,
    operands: readonly Value[],
    regions: readonly Region[],
    types: readonly Type[],
    location: Location,
  ): readonly Value[] {
    const results = types.map((type) => this.value(undefined, type));
    this.push({ op: name, operands, attributes: {}, results, regions, location });
    return results;
  }

  /** Ops of the function so far, at the top level. */
  get ops(): readonly Op[] {
    return this.regions[0]!.ops;
  }

  /** Moves the ops from `from` on to position `to`, keeping their order. */
  moveTail(from: number, to: number): void {
    const ops = this.regions[0]!.ops;
    const tail = ops.splice(from);
    ops.splice(to, 0, ...tail);
  }

  /** Moves these ops, which stand before position `to`, behind the others that do, keeping their order. */
  sink(moved: ReadonlySet<Op>, to: number): void {
    const ops = this.regions[0]!.ops;
    const first = ops.slice(0, to);
    ops.splice(0, to, ...first.filter((op) => !moved.has(op)), ...first.filter((op) => moved.has(op)));
  }

  build(results: readonly { name: string; value: Value }[], location: Location): IrFunction {
    const body = this.regions[0]!;
    body.ops.push({
      op: "return",
      operands: results.map((r) => r.value),
      attributes: {},
      results: [],
      regions: [],
      location,
    });
    return {
      name: this.name,
      inputs: this.inputs,
      results: results.map(({ name, value }) => ({ name, type: value.type })),
      body: { args: [], ops: body.ops },
      location,
    };
  }
}

export const spellNonFinite = (value: number): string =>
  Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

type Refuse = (failure: OpRefusal["failure"], message: string, about?: string, hint?: string) => never;

function inferred({ name, shape }: OpSpec, call: ShapeCall): readonly Type[] {
  if (shape === "declared") throw new Error(`internal: ${name} does not say what it gives`);
  return shape(call);
}

/** The attribute or operand that a failed rule is about, if only one comes into question. */
function blamed(
  spec: OpSpec,
  failure: OpRefusal["failure"],
  attributes: Readonly<Record<string, AttributeValue | undefined>>,
): string | undefined {
  if (failure === "dtype" || failure === "rank")
    return spec.operands.length === 1 && !spec.operands[0]!.variadic ? spec.operands[0]!.name : undefined;
  if (failure !== "dim" && failure !== "elements" && failure !== "size") return undefined;
  const given = Object.keys(attributes).filter((name) => attributes[name] !== undefined);
  return given.length === 1 ? given[0] : undefined;
}

function completeAttributes(
  spec: OpSpec,
  given: Readonly<Record<string, AttributeValue | undefined>>,
  refuse: Refuse,
): Record<string, AttributeValue> {
  const complete: Record<string, AttributeValue> = {};
  for (const attribute of spec.attributes) {
    let value = given[attribute.name];
    if (value === undefined) {
      if (!("default" in attribute))
        return refuse("operand", `${spec.name}: \`${attribute.name}\` is missing`);
      if (attribute.default === null || attribute.default === undefined) continue;
      value = attribute.default;
    }
    complete[attribute.name] = attributeOf(spec.name, attribute.name, attribute.type, value, refuse);
  }
  const unknown = Object.keys(given).find((name) => !spec.attributes.some((a) => a.name === name));
  if (unknown !== undefined) return refuse("attribute", `${spec.name} has no option \`${unknown}\``, unknown);
  return complete;
}

function attributeOf(
  op: string,
  name: string,
  type: string,
  value: AttributeValue,
  refuse: Refuse,
): AttributeValue {
  const wrong = (wanted: string) =>
    refuse("operand", `${op}: \`${name}\` must be ${wanted}, got ${inWords(value)}`, name);
  switch (type) {
    case "int":
    case "count":
      return Number.isInteger(value) ? value : wrong("a whole number");
    case "ints": {
      const list = typeof value === "number" ? [value] : value;
      return Array.isArray(list) && list.every(Number.isInteger)
        ? list
        : wrong("a whole number or a list of them");
    }
    case "floats":
      return Array.isArray(value) && value.every(Number.isFinite) ? value : wrong("a list of finite numbers");
    case "float":
      return typeof value === "number" && Number.isFinite(value) ? value : wrong("a finite number");
    case "scalar":
      if (typeof value === "number" && !Number.isFinite(value)) return spellNonFinite(value);
      return typeof value === "number" ||
        typeof value === "boolean" ||
        value === "inf" ||
        value === "-inf" ||
        value === "nan"
        ? value
        : wrong("a number");
    case "bool":
      return typeof value === "boolean" ? value : wrong("true or false");
    default:
      return typeof value === "string" ? value : wrong("a string");
  }
}

function checkOperands(spec: OpSpec, operands: readonly (Value | undefined)[], refuse: Refuse): undefined {
  const kind = (value: Value) => (value.type.kind === "scalar" ? value.type.scalar : value.type.kind);
  for (const [i, value] of operands.entries()) {
    const operand = spec.operands[i] ?? spec.operands.at(-1);
    if (!operand || (i >= spec.operands.length && !operand.variadic))
      return refuse(
        "operand",
        `${spec.name}: it takes ${spec.operands.length} operands, got ${operands.length}`,
      );
    if (value === undefined) {
      if (!operand.optional) return refuseMissing(spec, operand, refuse);
    } else if (!operand.kinds.includes(kind(value) as never)) {
      const wanted = kindWords(operand.kinds);
      return refuse(
        "operand",
        `${spec.name}: \`${operand.name}\` must be ${wanted}, got ${printType(value.type)}`,
        operand.name,
      );
    }
  }
  const missing = spec.operands.slice(operands.length).find((o) => !o.optional && !o.variadic);
  if (missing) refuseMissing(spec, missing, refuse);
}

const refuseMissing = (spec: OpSpec, { name, kinds }: OpSpec["operands"][number], refuse: Refuse): never =>
  refuse("operand", `${spec.name}: \`${name}\` is missing; it must be ${kindWords(kinds)}`);

const inWords = (value: AttributeValue): string =>
  typeof value === "string" ? `the string ${JSON.stringify(value)}` : JSON.stringify(value);

export const kindWords = (kinds: readonly string[]): string => {
  const words = [
    ...new Set(
      kinds.map((k) => (k === "f64" || k === "i64" ? "a number" : k === "bool" ? "a boolean" : `a ${k}`)),
    ),
  ];
  return words.join(" or ");
};
