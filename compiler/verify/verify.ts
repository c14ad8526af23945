/**
 * @file The verifier of the IR: every constraint of `registry/constraints`, by what the registry says of each op. The host checks
 * them again on receipt, by code of its own.
 */
import {
  type AttributeValue,
  DTYPES,
  type Init,
  type IrModule,
  isTrained,
  type Location,
  type ScalarType,
  type Storage,
  scalarType,
  type Type,
  type UnverifiedFunction,
  type UnverifiedModule,
  type UnverifiedOp,
  type UnverifiedRegion,
  type Value,
} from "../ir/module.js";
import { printType } from "../ir/print-type.js";
import type { Constraint } from "../registry/constraints.js";
import { OPS } from "../registry/index.js";
import { argTypes } from "../registry/regions.js";
import { isFloat } from "../registry/shapes.js";
import type { AttributeSpec, ControlSpec, DerivativeSpec, OpSpec, ShapeRule } from "../registry/spec.js";

/** A violated constraint: ours to mend, never the user's. */
export interface Violation {
  readonly constraint: Constraint;
  readonly message: string;
}

/** Every violation of the constraints in a module; none for a module that the compiler built right. */
export function verify(module: UnverifiedModule): readonly Violation[] {
  const verifier = new Verifier(module);
  verifier.tables();
  for (const fn of module.functions) verifier.function(fn);
  return verifier.violations;
}

/** The module, now that it breaks no constraint. Throws if it breaks one. */
export function verified(module: UnverifiedModule): IrModule {
  const [violation] = verify(module);
  if (violation)
    throw new Error(`internal: the program breaks ${violation.constraint}: ${violation.message}`);
  return module as IrModule;
}

const MOST_ELEMENTS = 2 ** 40;
const BY_FAN: ReadonlySet<Init["kind"]> = new Set(["kaiming_normal", "kaiming_uniform", "xavier_uniform"]);

const isDistinct = (names: readonly string[]) => new Set(names).size === names.length;
const isReal = (type: Type | undefined) => type?.kind === "tensor" && isFloat(type.dtype);
const kindOf = (type: Type) => (type.kind === "scalar" ? type.scalar : type.kind);
const printed = (list: readonly (Type | undefined)[]) =>
  list.map((type) => (type ? printType(type) : "none")).join(", ");
const typesOf = (values: readonly (Value | undefined)[]) => values.map((v) => v?.type);
const placeOf = ({ operands }: OpSpec, name: string) => operands.findIndex((o) => o.name === name);
const namesStorage = ({ attributes }: OpSpec) =>
  attributes.some(({ type }) => type === "storage" || type === "group");

/** What is known of the values that an op may use. */
interface Scope {
  readonly visible: Set<number>;
  /** Whether it is the function's own region. */
  readonly isTop: boolean;
  /** Whether derivatives by parameters are taken in it. */
  readonly takesDerivatives: boolean;
}

class Verifier {
  readonly violations: Violation[] = [];
  private readonly storages: ReadonlyMap<string, Storage>;
  private readonly groups: ReadonlyMap<string, readonly string[]>;
  private readonly paths: ReadonlySet<string>;
  /** Of the function at hand: which values were defined, and by which ops. */
  private defined = new Set<number>();
  private origins = new Map<number, UnverifiedOp>();

  constructor(private readonly module: UnverifiedModule) {
    this.storages = new Map(module.storages.map((s) => [s.name, s]));
    this.groups = new Map(module.groups.map((g) => [g.name, g.members]));
    this.paths = new Set(module.sources.map((s) => s.path));
  }

  private check(holds: boolean, constraint: Constraint, message: () => string): boolean {
    if (!holds) this.violations.push({ constraint, message: message() });
    return holds;
  }

  private place(location: Location, what: () => string): void {
    const { path, start, end } = location;
    const isPlace = this.paths.has(path) && 0 <= start && start <= end;
    this.check(isPlace, "V7", () => `${what()} has no place in a source`);
  }

  tables(): void {
    const { storages, functions, groups, sources } = this.module;
    this.check(isDistinct(storages.map((s) => s.name)), "V1", () => "two storages have one name");
    this.check(isDistinct(functions.map((f) => f.name)), "V1", () => "two functions have one name");
    this.check(isDistinct(groups.map((g) => g.name)), "V1", () => "two groups have one name");
    const elements = storages.map((s) => s.type.dims.reduce<number>((n, d) => n * Math.max(Number(d), 1), 1));
    this.check(
      elements.reduce((a, b) => a + b, 0) <= MOST_ELEMENTS,
      "V1",
      () => "the storage has more than 2^40 elements",
    );
    for (const storage of storages) this.storage(storage);
    this.check(isDistinct(sources.map((s) => s.path)), "V7", () => "two sources have one path");
    for (const { name, members } of groups)
      this.check(
        isDistinct(members) && members.every((member) => this.storages.has(member)),
        "V2",
        () => `group ${name} is not of distinct storages`,
      );
  }

  private storage(storage: Storage): void {
    const { name, type, init, location } = storage;
    this.place(location, () => name);
    if (init.kind === "copy") {
      const of = this.storages.get(init.of);
      const isDrawn = of !== undefined && of.init.kind !== "copy" && printType(of.type) === printType(type);
      this.check(isDrawn, "V2", () => `${name} cannot start as a copy of ${init.of}`);
    }
    const hasFan = type.dims.length > 0 && type.dims.every((dim) => dim !== 0);
    if (BY_FAN.has(init.kind)) this.check(hasFan, "V2", () => `${name} has no fan to draw by`);
    if (storage.role === "parameter")
      this.check(isReal(type), "V10", () => `the parameter ${name} is ${printType(type)}`);
    const wrong = this.roleProblem(storage);
    this.check(wrong === undefined, "V12", () => `${name} ${wrong}`);
  }

  /** What of a storage does not fit its role. */
  private roleProblem(storage: Storage): string | undefined {
    const { role, slotOf, twinOf, rowsOf, trainable, byRows } = storage;
    const shape = (s: Storage, from = 0) => s.type.dims.slice(from).join();
    if (trainable === false && role !== "parameter") return "is frozen and no parameter";
    if (byRows && (role !== "parameter" || trainable === false || shape(storage) === ""))
      return "has no rows that are trained";
    if (slotOf !== undefined) {
      const of = this.storages.get(slotOf);
      const isRow = role === "scratch" && rowsOf !== undefined && of?.role === "scratch";
      const moves = of && (isTrained(of) || (of.byRows && role === "optimizer"));
      const fits =
        of && (shape(of) === shape(storage) || (of.byRows && `${of.type.dims[0]}` === shape(storage)));
      if (!(role === "optimizer" ? of?.role === "parameter" : isRow) || !moves || !fits)
        return `cannot be the optimizer's slot of ${slotOf}`;
    }
    if (rowsOf !== undefined) {
      const of = this.storages.get(rowsOf);
      const parameter = of?.slotOf === undefined ? of : this.storages.get(of.slotOf);
      const fits = of && shape(of, 1) === shape(storage, 1) && of.type.dtype === storage.type.dtype;
      if (role !== "scratch" || !parameter?.byRows || !fits || !isReal(storage.type))
        return `cannot hold rows of ${rowsOf}`;
    }
    if (twinOf !== undefined) {
      const of = this.storages.get(twinOf);
      const isOriginal = of !== undefined && of.twinOf === undefined;
      if (role !== "state" || !isOriginal || printType(of.type) !== printType(storage.type))
        return `cannot be the twin of ${twinOf}`;
    }
    return undefined;
  }

  function(fn: UnverifiedFunction): void {
    this.defined = new Set();
    this.origins = new Map();
    this.place(fn.location, () => fn.name);
    for (const names of [fn.inputs.map((i) => i.value.name), fn.results.map((r) => r.name)])
      this.check(isDistinct(names), "V1", () => `${fn.name}: two of ${names.join(", ")} have one name`);
    const scope: Scope = { visible: new Set(), isTop: true, takesDerivatives: true };
    for (const { value } of fn.inputs) this.define(value, scope);
    this.ops(fn.body, scope, "function");
    const returned = typesOf(fn.body.ops.at(-1)?.operands ?? []);
    const declared = fn.results.map((r) => r.type);
    this.check(
      printed(returned) === printed(declared) && declared.every((type) => type.kind === "tensor"),
      "V9",
      () => `${fn.name}: returns ${printed(returned)}, declares ${printed(declared)}`,
    );
  }

  private define(value: Value, scope: Scope): void {
    this.check(!this.defined.has(value.id), "V3", () => `value ${value.id} is defined twice`);
    this.defined.add(value.id);
    scope.visible.add(value.id);
  }

  private ops(region: UnverifiedRegion, scope: Scope, end: "region" | "function"): void {
    this.check(region.ops.length > 0, "V5", () => "a region is empty");
    for (const [i, op] of region.ops.entries()) {
      const ends = OPS.get(op.op)?.ends;
      const wanted = i === region.ops.length - 1 ? end : undefined;
      this.check(ends === wanted, "V5", () => `${op.op}: a ${end} must have one end, and have it last`);
      this.op(op, scope);
      for (const result of op.results) {
        this.define(result, scope);
        this.origins.set(result.id, op);
      }
    }
  }

  private op(op: UnverifiedOp, scope: Scope): void {
    const at = () => `${op.op} (${op.results.map((r) => r.name || r.id).join(", ")})`;
    const before = this.violations.length;
    this.place(op.location, at);
    const spec = OPS.get(op.op);
    if (!this.check(spec !== undefined, "V4", () => `${at()} is not in the registry`) || !spec) return;
    for (const operand of op.operands)
      if (operand)
        this.check(
          scope.visible.has(operand.id),
          "V3",
          () => `${at()} uses ${operand.name || operand.id} before its definition`,
        );
    const fits = misfit(op, spec);
    this.check(fits === undefined, "V4", () => `${at()}: ${fits}`);
    for (const name of spec.writes) {
      const operand = op.operands[placeOf(spec, name)];
      if (operand)
        this.check(this.isStorage(operand), "V6", () => `${at()} would change ${name}, which is no storage`);
    }
    const regions = spec.control?.regions.length ?? 0;
    this.check(op.regions.length === regions, "V8", () => `${at()} has ${op.regions.length} regions`);
    // What follows looks at parts of the op that are there where all of this holds.
    if (this.violations.length > before) return;
    if (spec.control) this.regions(op, spec, spec.control, scope, at);
    else if (spec.shape === "declared") this.named(op, spec, at);
    else {
      if (spec.differentiates) this.derivative(op, spec, spec.differentiates, scope, at);
      if (spec.derives) this.derivativeByValues(op, spec, spec.derives, scope, at);
      const layout = spec.attributes.find(({ type }) => type === "layout");
      if (layout) this.taken(op, String(op.attributes[layout.name]), at);
      const count = spec.attributes.find(({ type }) => type === "count");
      if (count) this.counted(op, op.attributes[count.name] as number, at);
      if (this.violations.length > before) return;
      const wrong = resultsDiffer(op, spec, spec.shape);
      this.check(wrong === undefined, "V11", () => `${at()}: ${wrong}`);
    }
  }

  private isStorage(value: Value): boolean {
    const origin = OPS.get(this.origins.get(value.id)?.op ?? "");
    return origin !== undefined && namesStorage(origin);
  }

  /** The storage or the group that an op names. */
  private named(op: UnverifiedOp, spec: OpSpec, at: () => string): void {
    const [type] = typesOf(op.results);
    for (const attribute of spec.attributes) {
      const name = String(op.attributes[attribute.name]);
      const storage = this.storages.get(name);
      if (attribute.type === "storage")
        this.check(
          storage !== undefined && printed([storage.type]) === printed([type]),
          "V2",
          () => `${at()}: there is no storage ${name} of type ${printed([type])}`,
        );
      if (attribute.type === "group")
        this.check(this.groups.has(name), "V2", () => `${at()}: there is no group ${name}`);
    }
  }

  /** The members of a group, taken out of lists, must be in these. */
  private taken(op: UnverifiedOp, group: string, at: () => string): void {
    const members = this.groups.get(group);
    const there = new Set(
      typesOf(op.operands).flatMap((type) =>
        type?.kind === "group" ? (this.groups.get(type.group) ?? []) : [],
      ),
    );
    this.check(
      members?.every((member) => there.has(member)) === true,
      "V2",
      () => `${at()} takes ${group} out of lists that do not have it`,
    );
  }

  /** What an op says of how many members its list has. */
  private counted(op: UnverifiedOp, count: number, at: () => string): void {
    const type = op.operands[0]?.type;
    const members = type?.kind === "group" ? this.groups.get(type.group)?.length : undefined;
    this.check(members === count, "V11", () => `${at()} counts ${count} members of ${members}`);
  }

  private regions(
    op: UnverifiedOp,
    spec: OpSpec,
    control: ControlSpec,
    scope: Scope,
    at: () => string,
  ): void {
    const results = typesOf(op.results) as Type[];
    const first = control.carries === undefined ? op.operands.length : placeOf(spec, control.carries);
    const carried = typesOf(op.operands.slice(first)) as Type[];
    if (control.carries !== undefined)
      this.check(
        printed(carried) === printed(results),
        "V8",
        () => `${at()} begins with ${printed(carried)}, and gives ${printed(results)}`,
      );
    for (const [i, region] of op.regions.entries()) {
      const wanted = control.regions[i]!;
      const args = argTypes(wanted, carried);
      const yields = wanted.yields === "condition" ? [scalarType("bool")] : results;
      const inside: Scope = {
        visible: new Set(scope.visible),
        isTop: false,
        takesDerivatives: scope.isTop && control.concurrent === true,
      };
      for (const arg of region.args) this.define(arg, inside);
      this.ops(region, inside, "region");
      const [hasArgs, hasYields] = [typesOf(region.args), typesOf(region.ops.at(-1)?.operands ?? [])];
      this.check(
        printed(hasArgs) === printed(args) && printed(hasYields) === printed(yields),
        "V8",
        () =>
          `${at()}: ${wanted.name} takes ${printed(hasArgs)} and yields ${printed(hasYields)}, ` +
          `not ${printed(args)} and ${printed(yields)}`,
      );
    }
  }

  private derivativeByValues(
    op: UnverifiedOp,
    spec: OpSpec,
    { by, loss }: DerivativeSpec,
    { isTop }: Scope,
    at: () => string,
  ): void {
    const type = op.operands[placeOf(spec, loss!)]?.type;
    const isNumber = isReal(type) && type?.kind === "tensor" && type.dims.length === 0;
    const values = op.operands.slice(placeOf(spec, by));
    this.check(
      isTop && isNumber && values.length > 0 && values.every((value) => value && this.isTracked(value)),
      "V10",
      () => `${at()} is taken at the top level, of one real number, by tracked values`,
    );
  }

  private derivative(
    op: UnverifiedOp,
    spec: OpSpec,
    { by, loss, products }: DerivativeSpec,
    { takesDerivatives }: Scope,
    at: () => string,
  ): void {
    const parameters = op.operands[placeOf(spec, by)];
    this.check(
      takesDerivatives && parameters !== undefined && this.isTrainedGroup(parameters),
      "V10",
      () => `${at()} is taken at the top level or in a branch, by a group of trained parameters`,
    );
    if (loss !== undefined) {
      const type = op.operands[placeOf(spec, loss)]?.type;
      const isNumber = isReal(type) && type?.kind === "tensor" && type.dims.length === 0;
      this.check(isNumber, "V10", () => `${at()} is taken of one real number, not of ${printed([type])}`);
    }
    const byNothing = this.membersOf(parameters).length === 0;
    if (products === undefined) {
      this.check(!byNothing, "V10", () => `${at()} is taken by nothing`);
      return;
    }
    const outputs = op.attributes.outputs as number;
    const values = op.operands.slice(placeOf(spec, products));
    const types = typesOf(values);
    this.check(
      outputs >= 1 &&
        values.length >= 2 * outputs &&
        printed(types.slice(0, outputs)) === printed(types.slice(outputs, 2 * outputs)) &&
        types.every(isReal) &&
        values.slice(2 * outputs).every((leaf) => leaf && this.isLeaf(leaf)) &&
        (values.length > 2 * outputs || !byNothing),
      "V10",
      () => `${at()} takes outputs, cotangents of their types, and leaves or parameters`,
    );
  }

  private isTracked(value: Value): boolean {
    return this.origins.get(value.id)?.op === TRACKED;
  }

  private isLeaf(value: Value): boolean {
    return OPS.get(this.origins.get(value.id)?.op ?? "")?.history === "leaf";
  }

  /** The storages of a group that an op names. */
  private membersOf(value: Value | undefined): readonly string[] {
    return this.groups.get(String(value && this.origins.get(value.id)?.attributes.name)) ?? [];
  }

  /** Whether a value is a group of trained floating-point parameters only. */
  private isTrainedGroup(value: Value): boolean {
    const members = this.membersOf(value);
    const trained = members.map((name) => this.storages.get(name)).filter((s) => s && isTrained(s));
    return (
      this.isStorage(value) &&
      trained.length === members.length &&
      trained.every((storage) => isReal(storage?.type))
    );
  }
}

/** What of an op its entry does not allow: operands, attributes, kinds of results. */
function misfit(op: UnverifiedOp, spec: OpSpec): string | undefined {
  const { operands } = spec;
  const least = operands.at(-1)?.variadic ? operands.length - 1 : operands.length;
  if (op.operands.length < least || (least === operands.length && op.operands.length > least))
    return `has ${op.operands.length} operands`;
  for (const [i, value] of op.operands.entries()) {
    const { name, kinds, optional } = operands[Math.min(i, operands.length - 1)]!;
    if (value ? !kinds.includes(kindOf(value.type)) : !optional)
      return `\`${name}\` is ${printed([value?.type])}`;
  }
  for (const [name, value] of Object.entries(op.attributes)) {
    const attribute = spec.attributes.find((a) => a.name === name);
    if (!attribute || !fitsAttribute(attribute.type, value))
      return `attribute ${name} = ${JSON.stringify(value)}`;
  }
  const missing = spec.attributes.find((a) => !("default" in a) && !Object.hasOwn(op.attributes, a.name));
  if (missing) return `lacks attribute ${missing.name}`;
  const kinds = op.results.map((result) => kindOf(result.type));
  if (op.op === LITERAL) return isSpelled(op.attributes.value!, kinds) ? undefined : `is no ${kinds.join()}`;
  const whole = op.operands.every((v) => v && kindOf(v.type) === "i64");
  const wanted = spec.scalarResult === "joined" && whole ? ["i64"] : spec.results;
  if (spec.results[0] === "*" || kinds.join() === wanted.join()) return undefined;
  return `has results ${kinds.join()}, not ${wanted.join()}`;
}

const LITERAL = "constant";
/** What gives a value by which a derivative is taken in the midst of a forward pass. */
const TRACKED = "tracked";
/** What JSON has no number for. */
const SPELLED: readonly AttributeValue[] = ["inf", "-inf", "nan"];
const MOST_INTEGERS = 64;
const MOST_NUMBERS = 65_536;

function fitsAttribute(type: AttributeSpec["type"], value: AttributeValue): boolean {
  switch (type) {
    case "int":
    case "count":
      return Number.isInteger(value);
    case "ints":
      return Array.isArray(value) && value.length <= MOST_INTEGERS && value.every(Number.isInteger);
    case "floats":
      return Array.isArray(value) && value.length <= MOST_NUMBERS && value.every(Number.isFinite);
    case "float":
      return typeof value === "number";
    case "bool":
      return typeof value === "boolean";
    case "scalar":
      return typeof value === "number" || typeof value === "boolean" || SPELLED.includes(value);
    case "dtype":
      return (DTYPES as readonly unknown[]).includes(value);
    default:
      return typeof value === "string";
  }
}

/** Whether a literal is one of its kind. */
function isSpelled(value: AttributeValue, kinds: readonly string[]): boolean {
  const fits: Readonly<Record<ScalarType, boolean>> = {
    f64: typeof value !== "boolean",
    i64: Number.isInteger(value) && Math.abs(value as number) < 2 ** 63,
    bool: typeof value === "boolean",
  };
  return kinds.length === 1 && (fits as Readonly<Record<string, boolean>>)[kinds[0]!] === true;
}

/** What the registry says of an op's results, where it says something else. */
function resultsDiffer(op: UnverifiedOp, { attributes }: OpSpec, shape: ShapeRule): string | undefined {
  const defaults = attributes.flatMap((a) => (a.default == null ? [] : [[a.name, a.default] as const]));
  const fail = (_kind: string, message: string): never => {
    throw new Refused(message);
  };
  try {
    const inferred = shape({
      op: op.op,
      operands: typesOf(op.operands),
      attributes: { ...Object.fromEntries(defaults), ...op.attributes },
      fail,
    });
    const [gives, declared] = [printed(inferred), printed(typesOf(op.results))];
    return gives === declared ? undefined : `gives ${gives}, not ${declared}`;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

class Refused extends Error {}
